import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Account } from './account.js'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'

/** Size of sun_path without its final NUL; Linux allows 107, macOS 103. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** Part of the socket's name: only meaningful inside its directory, since the server listens nowhere else. */
export const SOCKET_PORT = 5432

export interface SocketDirectory {
  directory: string
  remove: () => Promise<void>
}

/**
 * Makes the directory (0700, owned by the server's account) for the unix socket: in the data directory, or in the
 * temporary directory when that path would be longer than a socket address may be.
 * @throws EmbeddedPostgresError SOCKET_PATH_TOO_LONG
 */
export async function makeSocketDirectory(dataDir: string, account: Account | undefined): Promise<SocketDirectory> {
  const directory = await emptyDirectory(dataDir)
  await chmod(directory, 0o700)
  if (account) await chown(directory, account.uid, account.gid)
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) }
}

async function emptyDirectory(dataDir: string): Promise<string> {
  const beside = path.join(dataDir, 'run')
  if (fits(beside)) {
    // Whatever lies there belongs to a dead server: this host holds the lock.
    await rm(beside, { recursive: true, force: true })
    await mkdir(beside, { mode: 0o700 })
    return beside
  }
  for (const parent of [os.tmpdir(), '/tmp']) {
    // A random name: in a directory that everybody may write to, a known one could be taken by somebody else.
    if (fits(path.join(parent, 'tenon-pg-XXXXXX'))) return mkdtemp(path.join(parent, 'tenon-pg-'))
  }
  throw new EmbeddedPostgresError(
    'SOCKET_PATH_TOO_LONG',
    `Neither ${dataDir} nor the temporary directory ${os.tmpdir()} is short enough for a unix socket (${MAX_SOCKET_PATH_BYTES} bytes). Set TENON_DATA_DIR or TMPDIR to a shorter path.`,
  )
}

function fits(directory: string): boolean {
  return Buffer.byteLength(path.join(directory, `.s.PGSQL.${SOCKET_PORT}.lock`)) <= MAX_SOCKET_PATH_BYTES
}
