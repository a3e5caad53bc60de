import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { clusterPaths, readCredentials } from './cluster.js'
import type { PostgresConnection } from './connection.js'
import { isPostmasterAlive, readPostmasterFile } from './postmaster.js'

/**
 * How to reach the server that another process runs on this data directory, for commands that work beside it. Undefined
 * when there is none. It ends when that process does.
 * @throws EmbeddedPostgresError when the data directory belongs to somebody else.
 */
export async function findRunningServer(
  dataDir: string,
  { hostRole = 'tenon_host', database = 'tenon' }: { hostRole?: string; database?: string } = {},
): Promise<PostgresConnection | undefined> {
  const { clusterDir, credentialsFile } = clusterPaths(path.resolve(dataDir))
  const file = await readPostmasterFile(clusterDir)
  if (!file?.ready || !(await isPostmasterAlive(file.pid, clusterDir))) return undefined
  const credentials = await readCredentials(credentialsFile)
  if (!credentials) return undefined
  const lines = (await readFile(path.join(clusterDir, 'postmaster.pid'), 'utf8')).split('\n')
  // Its lines are pid, directory, start, port, directory of the socket, address.
  const [port, socketDirectory, address] = lines.slice(3, 6).map((line) => line.trim())
  return {
    host: socketDirectory || address || '127.0.0.1',
    port: Number(port),
    user: hostRole,
    password: credentials.hostPassword,
    database,
  }
}
