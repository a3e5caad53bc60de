import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { closeToPublic, withClient } from './bootstrap.js'
import type { PostgresConnection } from './connection.js'
import { type TestServer, testRun, testServer } from './testing-server.js'

export type { PostgresConnection } from './connection.js'
export { globalSetup } from './testing-server.js'

export interface TestDatabase {
  /** For `new pg.Pool(connection)`: the host's role, owner of the database, no superuser. */
  connection: PostgresConnection
  /** A superuser of that database; absent on an external server. */
  superuser?: PostgresConnection
  /** Whether a superuser was there to run `prepare`. False on an external server, where `prepare` is skipped. */
  hardened: boolean
  /** Ends all sessions and removes the database. May be repeated. */
  drop: () => Promise<void>
}

export interface TestDatabaseOptions {
  /** Hardening, run as superuser in the new database; with a template, once in the template before it is built. */
  prepare?: (superuser: pg.Client) => Promise<void>
  /** What the database starts with: built once per run, then copied. */
  template?: TestDatabaseTemplate
}

export interface TestDatabaseTemplate {
  /** Files of a run that use the same name share one template, so the name must stand for what is built. */
  name: string
  /** Migrates the template. It must have closed its connections when it resolves. */
  build: (connection: PostgresConnection, superuser?: PostgresConnection) => Promise<void>
}

/** Any number, the same in every process of a run. */
const TEMPLATE_LOCK = 7_306_112

/**
 * Makes a database for one test file, on the server that the run shares. Safe in parallel workers. On an external
 * server (DATABASE_URL) the user needs CREATEDB, and CREATEROLE for tests that make roles.
 */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer()
  const template = options.template ? await ensureTemplate(server, options.template, options.prepare) : undefined
  const name = databaseName()
  await createDatabase(server, name, template)
  if (!template) await runPrepare(server, name, options.prepare)
  return {
    ...at(server, name),
    hardened: server.superuser !== undefined,
    drop: () => dropDatabase(server, name),
  }
}

/** The time lets a later run find what a killed one has left on an external server. */
function databaseName(): string {
  return `tenon_test_${Math.trunc(Date.now() / 1000)}_${testRun()}_${randomBytes(6).toString('hex')}`
}

/** Ends the name of a built template, whose beginning depends on when it was built. */
function templateSuffix(name: string): string {
  return `_${testRun()}_template_${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
}

function at({ connection, superuser }: TestServer, database: string) {
  return {
    connection: { ...connection, database },
    ...(superuser && { superuser: { ...superuser, database } }),
  }
}

async function createDatabase(server: TestServer, name: string, template: string | undefined): Promise<void> {
  const source = template ? ` TEMPLATE ${pg.escapeIdentifier(template)}` : ''
  await withClient(server.connection, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}${source}`))
  // Grants on a database are not copied from its template.
  await withClient(at(server, name).connection, (client) => closeToPublic(client, name, server.connection.user))
}

async function ensureTemplate(
  server: TestServer,
  template: TestDatabaseTemplate,
  prepare: TestDatabaseOptions['prepare'],
): Promise<string> {
  return withClient(server.connection, async (client) => {
    const suffix = templateSuffix(template.name)
    // One lock per template: two different templates may be built at the same time. It ends with the connection.
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [TEMPLATE_LOCK, suffix])
    const found = await findTemplate(client, suffix)
    if (found) return found
    const name = databaseName()
    await createDatabase(server, name, undefined)
    try {
      await runPrepare(server, name, prepare)
      const { connection, superuser } = at(server, name)
      await template.build(connection, superuser)
    } catch (error) {
      await dropDatabase(server, name)
      throw error
    }
    const built = name.replace(/_[^_]+_[^_]+$/, suffix)
    await renameDatabase(client, name, built)
    return built
  })
}

async function findTemplate(client: pg.Client, suffix: string): Promise<string | undefined> {
  const { rows } = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname ~ $1', [
    `^tenon_test_[0-9]+${suffix}$`,
  ])
  return rows[0]?.datname
}

async function renameDatabase(client: pg.Client, from: string, to: string): Promise<void> {
  await client.query(`ALTER DATABASE ${pg.escapeIdentifier(from)} RENAME TO ${pg.escapeIdentifier(to)}`)
}

async function runPrepare(server: TestServer, database: string, prepare: TestDatabaseOptions['prepare']) {
  const { superuser } = at(server, database)
  if (superuser && prepare) await withClient(superuser, prepare)
}

/** Vacuum comes when it likes, and is gone a moment later. */
const dropTries = 10

async function dropDatabase(server: TestServer, name: string): Promise<void> {
  // The superuser may end the sessions of every role; the host's role only those of roles that it is a member of.
  await withClient(server.superuser ?? server.connection, async (client) => {
    for (let tries = 1; ; tries += 1) {
      await sessionsEnd(client, name)
      try {
        await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} ${tries === 1 ? '' : 'WITH (FORCE)'}`)
        return
      } catch (error) {
        // Postgres itself waits for its own workers in it. Asked to use force, it takes them for somebody's sessions.
        if (tries === dropTries) throw error
      }
    }
  })
}

/** A pool that was just ended may still be saying goodbye: ended by force, that would be an error nobody listens to. */
async function sessionsEnd(client: pg.Client, database: string): Promise<void> {
  for (let tries = 0; tries < 20; tries += 1) {
    const { rowCount } = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1', [database])
    if (rowCount === 0) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
