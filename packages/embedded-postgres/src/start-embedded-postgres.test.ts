import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, findRunningServer, type PostgresConnection, startEmbeddedPostgres } from './index.js'
import { locateNative } from './native.js'
import { startTime } from './process-identity.js'

/** Data that need not survive the test; keeps each first start short. */
const settings = { fsync: 'off' }
const isRoot = process.getuid?.() === 0
const NOBODY = 65534

let home: string
/** For tests that do not depend on a first start, which takes most of a second. */
let usedDataDir: string
const hosts: ChildProcess[] = []
const servers: EmbeddedPostgres[] = []

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), 'tenon-epg-'))
  await chmod(home, 0o755)
  usedDataDir = await newDataDir()
  await build({
    entryPoints: [path.join(import.meta.dirname, 'fixtures', 'hold-server.ts')],
    outfile: path.join(home, 'hold-server.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['pg-native'],
    banner: { js: "import { createRequire as from } from 'node:module'; const require = from(import.meta.url)" },
    logLevel: 'error',
  })
})

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()))
  await Promise.all(hosts.splice(0).map((host) => endHost(host)))
})

afterAll(async () => {
  await rm(home, { recursive: true, force: true })
})

async function start(options: Parameters<typeof startEmbeddedPostgres>[0]): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ settings, ...options })
  servers.push(server)
  return server
}

async function newDataDir(): Promise<string> {
  const dataDir = await mkdtemp(path.join(home, 'd-'))
  await chmod(dataDir, 0o755)
  return dataDir
}

async function query(connection: PostgresConnection, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(connection)
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

interface HostSays {
  pid: number
  connection: PostgresConnection
  superuser: PostgresConnection
  replacedOrphan: boolean
  error?: { code: string; message: string }
}

async function startHost(options: object, uid?: number): Promise<{ host: ChildProcess; says: HostSays }> {
  const argument = JSON.stringify({ settings, nativeDirectory: locateNative(), ...options })
  const host = spawn(process.execPath, [path.join(home, 'hold-server.mjs'), argument], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: '/',
    ...(uid !== undefined && { uid, gid: uid }),
  })
  hosts.push(host)
  for await (const line of createInterface({ input: host.stdout })) {
    return { host, says: JSON.parse(line) as HostSays }
  }
  throw new Error('the host ended without a word')
}

async function endHost(host: ChildProcess): Promise<void> {
  if (host.exitCode !== null || host.signalCode !== null) return
  const ended = once(host, 'exit')
  // It may be about to end by itself.
  host.stdin?.on('error', () => undefined).end('stop')
  await ended
}

/** What was listed a moment ago may have been on its way out, such as the process of a session. */
function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function killHost(host: ChildProcess): Promise<void> {
  const ended = once(host, 'exit')
  host.kill('SIGKILL')
  await ended
}

async function untilGone(pid: number, withinMs: number): Promise<boolean> {
  for (let waited = 0; waited < withinMs; waited += 20) {
    if ((await startTime(pid)) === undefined) return true
    await sleep(20)
  }
  return false
}

describe('start and stop', () => {
  it('starts PostgreSQL 18 with a role that is no superuser and owns the database', async () => {
    const { connection, superuser } = await start({ dataDir: usedDataDir })
    const [row] = await query(
      connection,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, rolsuper, rolcreaterole, rolcreatedb,
         current_setting('listen_addresses') AS listens, current_setting('unix_socket_permissions') AS permissions,
         pg_get_userbyid(datdba) AS owner, datlocprovider, pg_get_userbyid(nspowner) AS public_owner
       FROM pg_roles, pg_database, pg_namespace
       WHERE rolname = current_user AND datname = current_database() AND nspname = 'public'`,
    )
    expect(row).toEqual({
      major: 18,
      rolsuper: false,
      rolcreaterole: true,
      rolcreatedb: true,
      listens: '',
      permissions: '0700',
      owner: 'tenon_host',
      datlocprovider: 'b',
      public_owner: 'tenon_host',
    })
    expect(await query(superuser, "SELECT current_setting('is_superuser') AS on")).toEqual([{ on: 'on' }])
  })

  it('asks for the password on its socket, and keeps passwords and socket to their owners', async () => {
    const dataDir = usedDataDir
    const { connection } = await start({ dataDir })
    await expect(query({ ...connection, password: 'guess' }, 'SELECT 1')).rejects.toThrow(/password/)
    const kept = await stat(path.join(dataDir, 'cluster', 'credentials.json'))
    expect([kept.mode & 0o777, kept.uid]).toEqual([0o600, process.getuid?.()])
    expect((await stat(connection.host)).mode & 0o777).toBe(0o700)
  })

  it('keeps data and passwords over a restart, and calls prepare as superuser at every start', async () => {
    const dataDir = await newDataDir()
    const prepared: unknown[] = []
    const prepare = async (client: pg.Client) => {
      const { rows } = await client.query<{ at: string }>(
        "SELECT current_database() || current_setting('is_superuser') AS at",
      )
      prepared.push(rows[0]?.at)
    }
    const first = await start({ dataDir, prepare })
    await query(first.connection, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const second = await start({ dataDir, prepare })
    expect(await query(second.connection, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
    expect(second.connection.password).toBe(first.connection.password)
    expect(prepared).toEqual(['tenonon', 'tenonon'])
    expect(second.replacedOrphan).toBe(false)
  })

  it('stops the server and frees the directory when prepare fails', async () => {
    const dataDir = usedDataDir
    const prepare = () => Promise.reject(new Error('cannot harden'))
    await expect(start({ dataDir, prepare })).rejects.toThrow('cannot harden')
    await expect(start({ dataDir })).resolves.toBeDefined()
  })

  it('reports an expected end after stop, which may be called twice', async () => {
    const server = await start({ dataDir: usedDataDir })
    await Promise.all([server.stop(), server.stop()])
    await server.stop()
    expect(await server.exited).toEqual({ code: 0, signal: null, expected: true })
    expect(await startTime(server.pid)).toBeUndefined()
  })

  it('finishes stopping even when nothing else keeps the process alive', async () => {
    const { host } = await startHost({ dataDir: usedDataDir })
    await endHost(host)
    expect(host.exitCode).toBe(0)
    expect(await readdir(usedDataDir)).not.toContain('run')
  })

  it('is found by a command that works beside its host, while it runs', async () => {
    const dataDir = await newDataDir()
    expect(await findRunningServer(dataDir)).toBeUndefined()
    const server = await start({ dataDir })
    const found = await findRunningServer(dataDir)
    expect(found).toEqual(server.connection)
    expect(await query(found as PostgresConnection, 'SELECT current_user::text AS name')).toEqual([
      { name: 'tenon_host' },
    ])
    await server.stop()
    expect(await findRunningServer(dataDir)).toBeUndefined()
  })

  it('passes settings on and reports what the server logs', async () => {
    const lines: string[] = []
    const server = await start({
      dataDir: usedDataDir,
      settings: { ...settings, max_connections: 17 },
      log: (line) => lines.push(line),
    })
    expect(await query(server.connection, 'SHOW max_connections')).toEqual([{ max_connections: '17' }])
    expect(await query(server.connection, 'SHOW max_locks_per_transaction')).toEqual([
      { max_locks_per_transaction: '512' },
    ])
    expect(lines.join('\n')).toContain('ready to accept connections')
  })

  it('says what the server said when it refuses to start, and frees the directory', async () => {
    const dataDir = usedDataDir
    const wrong = { ...settings, shared_buffers: 'plenty' }
    await expect(start({ dataDir, settings: wrong })).rejects.toMatchObject({
      code: 'START_FAILED',
      message: expect.stringContaining('shared_buffers') as string,
    })
    await expect(start({ dataDir })).resolves.toBeDefined()
  })

  it('refuses a statement that needs more memory than the limit, and lives on', async () => {
    const small = { ...settings, shared_buffers: '16MB' }
    const hungry = "SELECT length(repeat('x', 50000000) || repeat('y', 50000000)) AS n"
    const capped = await start({ dataDir: usedDataDir, addressSpaceMb: 256, settings: small })
    await expect(query(capped.connection, hungry)).rejects.toThrow(/out of memory/)
    expect(await query(capped.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    await capped.stop()
    const free = await start({ dataDir: usedDataDir, addressSpaceMb: 0, settings: small })
    expect(await query(free.connection, hungry)).toEqual([{ n: 100_000_000 }])
  })
})

describe('crashes', () => {
  it('reports a killed server, and starts again with what was committed', async () => {
    const dataDir = usedDataDir
    const first = await start({ dataDir })
    await query(first.connection, 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS id')
    process.kill(first.pid, 'SIGKILL')
    expect(await first.exited).toMatchObject({ expected: false })
    const second = await start({ dataDir })
    expect(await query(second.connection, 'SELECT id FROM kept')).toEqual([{ id: 1 }])
  })

  it('ends the server within seconds when its host is killed, and starts again', async () => {
    const dataDir = usedDataDir
    const { host, says } = await startHost({ dataDir })
    await query(says.connection, 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS id')
    await killHost(host)
    expect(await untilGone(says.pid, 5_000)).toBe(true)
    const next = await start({ dataDir })
    expect(await query(next.connection, 'SELECT id FROM kept')).toEqual([{ id: 1 }])
  })

  it('starts at once after its host was killed, while the old server is still on its way out', async () => {
    const dataDir = usedDataDir
    const { host, says } = await startHost({ dataDir })
    await killHost(host)
    const next = await start({ dataDir })
    expect(next.pid).not.toBe(says.pid)
    expect(await query(next.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
  })

  it('stops an orphan whose watchdog was killed with its host, and starts anew', async () => {
    const dataDir = usedDataDir
    const { host, says } = await startHost({ dataDir })
    await query(says.connection, 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS id')
    const guards = (await processesOf(says.pid)).filter((pid) => pid !== says.pid)
    // The oldest first: the watchdog ends the server when what it waits for has ended.
    for (const pid of guards.toSorted((a, b) => a - b)) endIfThere(pid)
    await killHost(host)
    await sleep(300)
    expect(await startTime(says.pid)).toBeDefined()
    const next = await start({ dataDir })
    expect(next.replacedOrphan).toBe(true)
    expect(await startTime(says.pid)).toBeUndefined()
    expect(await query(next.connection, 'SELECT id FROM kept')).toEqual([{ id: 1 }])
  })

  it('takes no notice of a pid file whose pid now belongs to another process', async () => {
    const dataDir = usedDataDir
    await (await start({ dataDir })).stop()
    const bystander = spawn('sleep', ['60'], { stdio: 'ignore' })
    const stale = path.join(dataDir, 'cluster', 'data', 'postmaster.pid')
    await writeFile(stale, `${bystander.pid}\n${path.dirname(stale)}\n1700000000\n5432\n/nowhere\n\n  1 1\nready   \n`)
    const next = await start({ dataDir })
    expect(next.replacedOrphan).toBe(false)
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
    bystander.kill()
  })

  it('clears away a first start that was interrupted', async () => {
    const dataDir = usedDataDir
    await mkdir(path.join(dataDir, 'init-0123456789ab', 'data'), { recursive: true })
    await start({ dataDir })
    expect(await readdir(dataDir)).not.toContain('init-0123456789ab')
  })
})

describe('two hosts on one data directory', () => {
  it('refuses the second with the pid of the first and what to do', async () => {
    const dataDir = usedDataDir
    const { host, says } = await startHost({ dataDir })
    await expect(start({ dataDir })).rejects.toMatchObject({
      name: 'EmbeddedPostgresError',
      code: 'DATA_DIR_IN_USE',
      message: `The data directory ${dataDir} is in use by the process with pid ${host.pid}. Stop that process, or give this one a directory of its own: set TENON_DATA_DIR.`,
    })
    expect(await query(says.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    await endHost(host)
    await expect(start({ dataDir })).resolves.toBeDefined()
  })

  it('refuses a second start in the same process', async () => {
    const dataDir = usedDataDir
    await start({ dataDir })
    await expect(start({ dataDir })).rejects.toThrow(/in use by this same process/)
  })

  it('lets exactly one of several win an empty directory', async () => {
    const dataDir = await newDataDir()
    await expectOneWinner(dataDir)
  })

  it('lets exactly one of several take over from a killed host', async () => {
    const dataDir = usedDataDir
    const { host } = await startHost({ dataDir })
    await killHost(host)
    await expectOneWinner(dataDir)
  })

  async function expectOneWinner(dataDir: string): Promise<void> {
    const all = await Promise.all([1, 2, 3].map(() => startHost({ dataDir })))
    expect(all.map(({ says }) => says.error?.code ?? 'won').sort()).toEqual([
      'DATA_DIR_IN_USE',
      'DATA_DIR_IN_USE',
      'won',
    ])
    const winner = all.find(({ says }) => !says.error)
    expect(await query(winner!.says.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
  }
})

describe('where and as whom', () => {
  it.runIf(isRoot)('runs as an unprivileged account when started by root, which keeps the passwords', async () => {
    const dataDir = await newDataDir()
    const { pid } = await start({ dataDir, account: 'nobody' })
    expect(await uidOf(pid)).toBe(NOBODY)
    expect((await stat(path.join(dataDir, 'cluster', 'data'))).uid).toBe(NOBODY)
    expect((await stat(path.join(dataDir, 'cluster', 'credentials.json'))).uid).toBe(0)
  })

  it.runIf(isRoot)('keeps the owner of a cluster when another account is preferred later', async () => {
    const dataDir = await newDataDir()
    await (await start({ dataDir, account: 'nobody' })).stop()
    const { pid } = await start({ dataDir, account: 'postgres' })
    expect(await uidOf(pid)).toBe(NOBODY)
  })

  it.runIf(isRoot)('says so when the account cannot reach the data directory', async () => {
    const closed = await mkdtemp(path.join(home, 'closed-'))
    await expect(start({ dataDir: path.join(closed, 'data'), account: 'nobody' })).rejects.toMatchObject({
      code: 'DATA_DIR_UNREACHABLE',
      message: expect.stringContaining('TENON_DATA_DIR') as string,
    })
  })

  it.runIf(isRoot)('copies the binaries when the account cannot reach them', async () => {
    const closed = await mkdtemp(path.join(home, 'closed-'))
    const nativeDirectory = path.join(closed, 'native')
    await cp(locateNative(), nativeDirectory, { recursive: true, verbatimSymlinks: true })
    const dataDir = usedDataDir
    const { connection } = await start({ dataDir, nativeDirectory })
    expect(await query(connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    expect((await readdir(dataDir)).filter((name) => name.startsWith('native-'))).toHaveLength(1)
  })

  it.runIf(isRoot)(
    'runs as an ordinary user, from binaries that it may only read and that no install script completed',
    async () => {
      const nativeDirectory = await nativeWithoutSymlinks()
      const dataDir = await newDataDir()
      await chown(dataDir, NOBODY, NOBODY)
      const { says } = await startHost({ dataDir, nativeDirectory }, NOBODY)
      expect(says.error).toBeUndefined()
      expect(await uidOf(says.pid)).toBe(NOBODY)
      expect(await query(says.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    },
  )

  it.runIf(isRoot)("refuses another user's data directory in a sentence", async () => {
    const dataDir = await newDataDir()
    await (await start({ dataDir })).stop()
    const { says } = await startHost({ dataDir }, NOBODY)
    expect(says.error?.code).toBe('DATA_DIR_NOT_WRITABLE')
  })

  it('restores the symlinks that an install without scripts leaves out', async () => {
    const nativeDirectory = await nativeWithoutSymlinks()
    const { connection } = await start({ dataDir: usedDataDir, nativeDirectory })
    expect(await query(connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
  })

  it('puts its socket elsewhere when the path of the data directory is too long or odd for one', async () => {
    const long = path.join(await newDataDir(), 'a directory, with "marks"', 'x'.repeat(100))
    const server = await start({ dataDir: long })
    expect(server.connection.host.startsWith(long)).toBe(false)
    expect(await query(server.connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
    await server.stop()
    await expect(stat(server.connection.host)).rejects.toThrow(/ENOENT/)
  })

  it('starts in a directory whose name has spaces, commas and quotation marks', async () => {
    const dataDir = path.join(await newDataDir(), 'a, "b"')
    const { connection } = await start({ dataDir })
    expect(connection.host.startsWith(dataDir)).toBe(true)
    expect(await query(connection, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }])
  })

  it('refuses a cluster of another major version and touches nothing', async () => {
    const dataDir = await newDataDir()
    const clusterDir = path.join(dataDir, 'cluster', 'data')
    await mkdir(clusterDir, { recursive: true })
    await writeFile(path.join(clusterDir, 'PG_VERSION'), '19\n')
    await expect(start({ dataDir })).rejects.toMatchObject({
      code: 'MAJOR_VERSION_DIFFERS',
      message: expect.stringMatching(/PostgreSQL 19.*PostgreSQL 18.*Nothing was changed/) as string,
    })
    expect(await readdir(dataDir)).toEqual(['cluster'])
    expect(await readdir(clusterDir)).toEqual(['PG_VERSION'])
  })

  it('refuses to replace a cluster whose passwords are gone', async () => {
    const dataDir = await newDataDir()
    await (await start({ dataDir })).stop()
    await rm(path.join(dataDir, 'cluster', 'credentials.json'))
    await expect(start({ dataDir })).rejects.toMatchObject({ code: 'CREDENTIALS_UNREADABLE' })
    expect(await readdir(path.join(dataDir, 'cluster'))).toEqual(['data'])
  })
})

async function nativeWithoutSymlinks(): Promise<string> {
  const nativeDirectory = await mkdtemp(path.join(home, 'native-'))
  await chmod(nativeDirectory, 0o755)
  await cp(locateNative(), nativeDirectory, { recursive: true, verbatimSymlinks: true })
  const list = await readFile(path.join(nativeDirectory, 'pg-symlinks.json'), 'utf8')
  for (const { target } of JSON.parse(list) as { target: string }[]) {
    await rm(path.join(nativeDirectory, path.relative('native', target)), { force: true })
  }
  return nativeDirectory
}

async function uidOf(pid: number): Promise<number> {
  return (await stat(`/proc/${pid}`)).uid
}

/** The pids of the session that the launcher gave the server: the watchdog's shell, its guard, `cat`, the server. */
async function processesOf(pid: number): Promise<number[]> {
  const session = await sessionOf(String(pid))
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const sessions = await Promise.all(pids.map((candidate) => sessionOf(candidate)))
  return pids.filter((_, index) => sessions[index] === session).map(Number)
}

async function sessionOf(pid: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[3]
}
