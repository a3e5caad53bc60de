import { chmod, mkdir, realpath, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type Account, chooseAccount } from './account.js'
import { bootstrap, withClient } from './bootstrap.js'
import { SUPERUSER, clusterPaths, ensureCluster, notYours, refuseOtherMajor } from './cluster.js'
import type { PostgresConnection } from './connection.js'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'
import { takeHostLock } from './host-lock.js'
import { locateNative, majorVersion, usableNative } from './native.js'
import { clearOrphan, endPostmaster, isGoneWithin, isPostmasterAlive, readPostmasterFile } from './postmaster.js'
import { SOCKET_PORT, type SocketDirectory, makeSocketDirectory } from './socket-directory.js'
import { type ServerExit, type ServerProcess, startServerProcess } from './watchdog.js'

/** Crash recovery after a long outage is part of a start, so this is generous. */
const START_TIMEOUT_MS = 120_000
/** Backends of a killed server hold its shared memory until they notice. */
const SHARED_MEMORY_RETRIES = 40
const SHARED_MEMORY_RETRY_MS = 250
/** One backend that the kernel kills for memory restarts all of them; this way it gets an error instead. */
const ADDRESS_SPACE_MB = 4_096

export interface EmbeddedPostgresOptions {
  /** Directory that the server may fill; made when absent. One host at a time. */
  dataDir: string
  /** Role that the application connects as: no superuser, may create roles and databases. Default `tenon_host`. */
  hostRole?: string
  /** Database of that role. Default `tenon`. */
  database?: string
  /** Server settings, such as `{ max_connections: 200 }`. Default: the server's own, but room for eight times as many locks. */
  settings?: Record<string, string | number>
  /** Called at every start as superuser in the new database, before the host connects; must be repeatable. */
  prepare?: (superuser: pg.Client) => Promise<void>
  /** Receives the server's own log, line by line. */
  log?: (line: string) => void
  /** Account to run under when started by root; default `EMBEDDED_PG_USER`, then postgres, then nobody. */
  account?: string
  /** Upper bound of the address space of each server process in MiB, 0 for none. Default 4096. */
  addressSpaceMb?: number
  /** Directory with `bin`, `lib` and `share` to use instead of the npm package for this platform. */
  nativeDirectory?: string
}

export interface EmbeddedPostgres {
  /** For the application: the host's role, which is not a superuser. */
  connection: PostgresConnection
  /** For bootstrap and hardening only. */
  superuser: PostgresConnection
  pid: number
  /** Whether a server was found whose host had died, and was stopped to make room for this one. */
  replacedOrphan: boolean
  /** Stops the server and gives the data directory free. Open transactions are rolled back. May be repeated. */
  stop: () => Promise<void>
  /** Resolves when the server has ended, for whatever reason, and the data directory is free again. */
  exited: Promise<EmbeddedPostgresExit>
}

export interface EmbeddedPostgresExit extends ServerExit {
  /** True after `stop()`. */
  expected: boolean
}

/**
 * Starts a real PostgreSQL server for this process alone. It listens on a unix socket that only its account can open
 * (on Windows on 127.0.0.1), ends when this process ends, and keeps its data in `dataDir`.
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = path.resolve(options.dataDir)
  const packaged = options.nativeDirectory ?? locateNative()
  await refuseOtherMajor(dataDir, await majorVersion(packaged))
  const account = await chooseAccount(clusterPaths(dataDir).clusterDir, options.account ?? process.env.EMBEDDED_PG_USER)
  await makeDataDirectory(dataDir, account)
  const lock = await takeHostLock(dataDir).catch((error: unknown) => {
    throw isPermission(error) ? notYours(dataDir, error) : error
  })
  try {
    const native = await usableNative(packaged, dataDir, account)
    return await startLocked({ ...options, dataDir, native, account, release: lock.release })
  } catch (error) {
    await lock.release()
    throw isPermission(error) ? notYours(dataDir, error) : error
  }
}

interface LockedStart extends Omit<EmbeddedPostgresOptions, 'account'> {
  native: string
  account: Account | undefined
  release: () => Promise<void>
}

async function startLocked(options: LockedStart): Promise<EmbeddedPostgres> {
  const { dataDir, native, account } = options
  const { clusterDir } = clusterPaths(dataDir)
  const orphan = await clearOrphan(clusterDir, native)
  const durable = String(options.settings?.fsync ?? 'on') !== 'off'
  const credentials = await ensureCluster({ dataDir, native, account, durable })
  const address = await chooseAddress(dataDir, account)
  const { server, pid } = await startServer(options, await realpath(clusterDir), address).catch(
    async (error: unknown) => {
      await address.remove()
      throw error
    },
  )

  const database = options.database ?? 'tenon'
  const at = { host: address.host, port: address.port, database }
  const superuser = { ...at, user: SUPERUSER, password: credentials.superuserPassword }
  const connection = { ...at, user: options.hostRole ?? 'tenon_host', password: credentials.hostPassword }

  let expected = false
  const exited = server.ended.then(async (exit) => {
    // Someone may have killed the watchdog alone: the data directory is free when the server itself is gone.
    await isGoneWithin(Infinity, pid, clusterDir)
    await address.remove()
    await options.release()
    return { ...exit, expected }
  })
  // Who does not ask for it must not die of it.
  exited.catch(() => undefined)
  const stop = async () => {
    expected = true
    server.holdOn()
    if (!(await endPostmaster(pid, clusterDir, native))) {
      throw new EmbeddedPostgresError('ORPHAN_WILL_NOT_STOP', `The PostgreSQL server (pid ${pid}) does not stop.`)
    }
    await exited
  }
  try {
    await bootstrap(superuser, connection)
    if (options.prepare) await withClient(superuser, options.prepare)
  } catch (error) {
    await stop()
    throw error
  }
  return { connection, superuser, pid, replacedOrphan: orphan !== undefined, stop, exited }
}

interface Address {
  host: string
  port: number
  settings: Record<string, string>
  remove: () => Promise<void>
}

async function chooseAddress(dataDir: string, account: Account | undefined): Promise<Address> {
  if (process.platform === 'win32') return loopbackAddress()
  return socketAddress(await makeSocketDirectory(dataDir, account))
}

function socketAddress({ directory, remove }: SocketDirectory): Address {
  const settings = {
    listen_addresses: '',
    // The setting is a list; quoted, a directory may contain commas and spaces.
    unix_socket_directories: `"${directory.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
  }
  return { host: directory, port: SOCKET_PORT, settings, remove }
}

async function loopbackAddress(): Promise<Address> {
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '' }
  return { host: '127.0.0.1', port: await freePort(), settings, remove: () => Promise.resolve() }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : SOCKET_PORT))
    })
  })
}

/** All sessions share the room for locks. The server's own default is full when five of them hold 2,000 each. */
const defaultSettings = { max_locks_per_transaction: 512 }

async function startServer(
  options: LockedStart,
  clusterDir: string,
  address: Address,
): Promise<{ server: ServerProcess; pid: number }> {
  const settings = { ...defaultSettings, ...options.settings, ...address.settings, port: address.port }
  const args = ['-D', clusterDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  for (let attempt = 0; ; attempt += 1) {
    const server = startServerProcess({
      native: options.native,
      args,
      account: options.account,
      addressSpaceMb: options.addressSpaceMb ?? ADDRESS_SPACE_MB,
      log: options.log ?? (() => undefined),
    })
    const pid = await untilReady(server, clusterDir, options.native)
    if (pid !== undefined) return { server, pid }
    const isHeld = server.tail().includes('pre-existing shared memory block')
    if (!isHeld || attempt >= SHARED_MEMORY_RETRIES) {
      throw new EmbeddedPostgresError('START_FAILED', `PostgreSQL did not start: ${server.tail() || 'it said nothing'}`)
    }
    await sleep(SHARED_MEMORY_RETRY_MS)
  }
}

/** The server's pid once it accepts connections, or undefined when it has ended instead. */
async function untilReady(server: ServerProcess, clusterDir: string, native: string): Promise<number | undefined> {
  let ended = false
  const end = server.ended.then(
    () => (ended = true),
    (error: unknown) => {
      throw new EmbeddedPostgresError('START_FAILED', `PostgreSQL could not be started: ${String(error)}`, {
        cause: error,
      })
    },
  )
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    await Promise.race([end, sleep(10)])
    if (ended) return undefined
    const file = await readPostmasterFile(clusterDir)
    if (file?.ready && (await isPostmasterAlive(file.pid, clusterDir))) return file.pid
    if (Date.now() > deadline) {
      if (file) await endPostmaster(file.pid, clusterDir, native)
      throw new EmbeddedPostgresError('START_FAILED', `PostgreSQL was not ready in time: ${server.tail()}`)
    }
  }
}

async function makeDataDirectory(dataDir: string, account: Account | undefined): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: account ? 0o711 : 0o700 })
    if (!account) return
    // The server's account must pass through; the directory and the passwords in it stay with root.
    const { mode } = await stat(dataDir)
    if ((mode & 0o011) !== 0o011) await chmod(dataDir, (mode & 0o7777) | 0o011)
  } catch (error) {
    throw isPermission(error) ? notYours(dataDir, error) : error
  }
}

function isPermission(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(errorCode(error) ?? '')
}
