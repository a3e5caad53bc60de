import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { withClient } from './bootstrap.js'
import type { PostgresConnection } from './connection.js'
import { startTime } from './process-identity.js'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './start-embedded-postgres.js'

/** Set by the global setup of the run, read by its workers. */
const ASK_AT = 'TENON_TEST_POSTGRES'
const RUN = 'TENON_TEST_RUN'

/** Part of the names of a run's databases, the same in all its workers. Without a global setup each is its own run. */
export function testRun(): string {
  process.env[RUN] ??= randomBytes(4).toString('hex')
  return process.env[RUN]
}

/** The server that the tests of a run share. */
export interface TestServer {
  connection: PostgresConnection
  /** Only the embedded server has one that we may use. */
  superuser?: PostgresConnection
}

/**
 * For vitest's `globalSetup`: lets all test files of a run share one embedded server. It is started when the first
 * file asks for a database, so a run without databases does not pay for it. With DATABASE_URL there is nothing to start.
 * @returns the teardown, which stops the server and removes its data, or the databases left on an external one
 */
export async function globalSetup(): Promise<() => Promise<void>> {
  const run = testRun()
  if (process.env.DATABASE_URL) return () => dropTestDatabases(run)
  const home = await mkdtemp(path.join(os.tmpdir(), 'tenon-ask-'))
  let started: Promise<EphemeralServer> | undefined
  const desk = createServer((socket) => {
    socket.on('error', () => undefined)
    started ??= startEphemeralServer()
    started.then(
      ({ server: { connection, superuser } }) => socket.end(JSON.stringify({ connection, superuser })),
      (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
    )
  })
  const address = process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(home)}` : path.join(home, 'ask')
  desk.listen(address)
  await once(desk, 'listening')
  process.env[ASK_AT] = address
  return async () => {
    Reflect.deleteProperty(process.env, ASK_AT)
    desk.close()
    await rm(home, { recursive: true, force: true })
    await (await started?.catch(() => undefined))?.remove()
  }
}

let own: Promise<TestServer> | undefined

/** The server of this run: DATABASE_URL's, the one of the global setup, or else one for this process alone. */
export function testServer(): Promise<TestServer> {
  own ??= findTestServer(process.env.DATABASE_URL, process.env[ASK_AT])
  return own
}

async function findTestServer(url: string | undefined, askAt: string | undefined): Promise<TestServer> {
  if (url) return { connection: parseDatabaseUrl(url) }
  if (!askAt) return (await startEphemeralServer()).server
  const answer = JSON.parse(await text(connect(askAt))) as TestServer & { error?: string }
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

function parseDatabaseUrl(url: string): PostgresConnection {
  const { host, port, user = '', password = '', database } = new pg.Client({ connectionString: url })
  return { host, port, user, password, database: database ?? user }
}

/** Old enough that no run can still be using it. */
const LEFTOVER_SECONDS = 6 * 60 * 60

/** Removes from an external server what this run has left there, and what runs that were killed left long ago. */
async function dropTestDatabases(run: string): Promise<void> {
  const { connection } = await testServer()
  await withClient(connection, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `SELECT datname FROM pg_database WHERE datname ~ '^tenon_test_[0-9]+_' AND pg_get_userbyid(datdba) = current_user`,
    )
    const before = Math.trunc(Date.now() / 1000) - LEFTOVER_SECONDS
    for (const { datname } of rows) {
      const [, , madeAt, madeBy] = datname.split('_')
      if (madeBy !== run && Number(madeAt) > before) continue
      await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(datname)} WITH (FORCE)`)
    }
  })
}

interface EphemeralServer {
  server: EmbeddedPostgres
  remove: () => Promise<void>
}

const PREFIX = 'tenon-test-pg'

async function startEphemeralServer(): Promise<EphemeralServer> {
  await removeLeftovers()
  const dataDir = await mkdtemp(path.join(os.tmpdir(), `${PREFIX}-${process.pid}-`))
  const server = await startEmbeddedPostgres({
    dataDir,
    // The data need not outlive the run, so nothing is written through to the disk.
    settings: {
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_connections: 200,
      // The server's default, so that a test can fill the room for locks.
      max_locks_per_transaction: 64,
      wal_level: 'minimal',
      max_wal_senders: 0,
    },
  })
  const remove = async () => {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
  return { server, remove }
}

/** A run that was killed could not remove its directory; its server has been stopped by the watchdog. */
async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(os.tmpdir())) {
    const pid = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1]
    if (pid === undefined || (await startTime(Number(pid))) !== undefined) continue
    // Somebody else's directory cannot be removed, which is as it should be.
    await rm(path.join(os.tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
  }
}
