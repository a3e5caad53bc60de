import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type Account, asAccount } from './account.js'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'
import { program } from './native.js'
import { serverEnvironment } from './server-environment.js'

export const SUPERUSER = 'postgres'

/** Passwords of the two roles that the launcher makes; random, and kept beside the cluster in a 0600 file. */
export interface ClusterCredentials {
  superuserPassword: string
  hostPassword: string
}

/** Where the parts of a data directory lie. */
export function clusterPaths(dataDir: string) {
  const home = path.join(dataDir, 'cluster')
  return { home, clusterDir: path.join(home, 'data'), credentialsFile: path.join(home, 'credentials.json') }
}

/**
 * Refuses a cluster that other binaries have written, before anything is touched.
 * @throws EmbeddedPostgresError MAJOR_VERSION_DIFFERS
 */
export async function refuseOtherMajor(dataDir: string, binariesMajor: number): Promise<void> {
  const { clusterDir } = clusterPaths(dataDir)
  const text = await readFile(path.join(clusterDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw notYours(dataDir, error)
  })
  if (text === undefined || Number(text) === binariesMajor) return
  throw new EmbeddedPostgresError(
    'MAJOR_VERSION_DIFFERS',
    `The data in ${clusterDir} was written by PostgreSQL ${text.trim()}; the binaries here are PostgreSQL ${binariesMajor}. Nothing was changed. Export with the release that wrote it (npm run backup), then restore into an empty directory.`,
  )
}

/**
 * Makes the cluster unless there is one. It is built in a directory of its own and renamed when complete, so that an
 * interrupted first start leaves nothing that looks like a cluster. Only call it while holding the host's lock.
 */
export async function ensureCluster(options: {
  dataDir: string
  native: string
  account: Account | undefined
  durable: boolean
}): Promise<ClusterCredentials> {
  const { home, credentialsFile } = clusterPaths(options.dataDir)
  await removeUnfinished(options.dataDir)
  const existing = await readCredentials(credentialsFile)
  if (existing) return existing
  const draft = path.join(options.dataDir, `init-${randomBytes(6).toString('hex')}`)
  try {
    const credentials = await buildCluster(draft, options)
    await rename(draft, home)
    return credentials
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

export function notYours(dataDir: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_NOT_WRITABLE',
    `The data directory ${dataDir} cannot be used by this user (${errorCode(cause) ?? String(cause)}). Start as the user that it belongs to, or set TENON_DATA_DIR to a directory of your own.`,
    { cause },
  )
}

async function buildCluster(
  draft: string,
  { native, account, durable }: { native: string; account: Account | undefined; durable: boolean },
): Promise<ClusterCredentials> {
  // Passable, not readable, for the server's account: only `data` is its own, the passwords stay with the host.
  await mkdir(draft, { mode: account ? 0o711 : 0o700 })
  const clusterDir = path.join(draft, 'data')
  const passwordFile = path.join(draft, 'initdb-password')
  const credentials = { superuserPassword: randomPassword(), hostPassword: randomPassword() }
  await mkdir(clusterDir, { mode: 0o700 })
  await writeFile(passwordFile, credentials.superuserPassword, { mode: 0o600 })
  if (account) {
    await chown(clusterDir, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  await runInitdb(native, account, [
    ...['-D', clusterDir, '-U', SUPERUSER, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--encoding=UTF8'],
    // The builtin provider sorts alike on every machine: no reindexing when the C library changes.
    ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
    ...(durable ? [] : ['--no-sync']),
  ])
  await rm(passwordFile)
  await writeFile(path.join(draft, 'credentials.json'), JSON.stringify(credentials), { mode: 0o600, flush: true })
  return credentials
}

async function runInitdb(native: string, account: Account | undefined, args: string[]): Promise<void> {
  const initdb = program(native, 'initdb')
  try {
    await promisify(execFile)(initdb, args, { env: serverEnvironment(), cwd: '/', ...asAccount(account) })
  } catch (error) {
    const stderr = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new EmbeddedPostgresError('INITDB_FAILED', `initdb failed: ${stderr || String(error)}`, { cause: error })
  }
}

export async function readCredentials(file: string): Promise<ClusterCredentials | undefined> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<ClusterCredentials>
    const { superuserPassword, hostPassword } = value
    if (superuserPassword && hostPassword) return { superuserPassword, hostPassword }
    throw new SyntaxError('a password is missing')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return absentOnlyWithItsCluster(file)
    throw unreadable(file, error)
  }
}

/** A cluster without its passwords must not be replaced by a new one. */
async function absentOnlyWithItsCluster(file: string): Promise<undefined> {
  const entries = await readdir(path.dirname(file)).catch(() => [])
  if (entries.length > 0) throw unreadable(file, new Error('the file is missing'))
  return undefined
}

function unreadable(file: string, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'CREDENTIALS_UNREADABLE',
    `The passwords of the embedded database cannot be read from ${file} (${cause instanceof Error ? cause.message : String(cause)}). Put the file back from a backup; without it the cluster beside it cannot be opened.`,
    { cause },
  )
}

async function removeUnfinished(dataDir: string): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => /^(init|native-draft)-[0-9a-f]{12}$/.test(name))
  await Promise.all(names.map((name) => rm(path.join(dataDir, name), { recursive: true, force: true })))
}

function randomPassword(): string {
  return randomBytes(32).toString('base64url')
}
