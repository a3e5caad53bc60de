import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { hardenDatabase, hostConnectionOptions } from '@tenon/host'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Settings } from '../env.js'
import { StartError } from './start-error.js'

/** The database of this installation, ready for use. */
export interface OpenDatabase {
  /** Connections of the host's own role. */
  pool: pg.Pool
  /** Server, database and credentials of that role. */
  connection: pg.ClientConfig
  /** Whether a superuser prepared the server, so that the server itself refuses what plugins may not do. */
  hardened: boolean
  /** Ends all connections, and the embedded server. */
  close(): Promise<void>
  /** Resolves with a sentence when the embedded server ends by itself. */
  lost: Promise<string>
}

const hostRole = 'tenon_host'
const maxConnections = 20
/** Every connection remembers something of each tenant that it served, so none lives for ever. */
const connectionLifetimeSeconds = 600
const connectTimeoutMs = 10_000
const oldestServerVersion = 15

/**
 * The server of `DATABASE_URL`, or else the embedded one, started.
 *
 * @throws StartError, EmbeddedPostgresError
 */
export function openDatabase(settings: Pick<Settings, 'databaseUrl' | 'dataDir'>, log: Logger): Promise<OpenDatabase> {
  return settings.databaseUrl === undefined
    ? openEmbedded(join(settings.dataDir, 'postgres'), log)
    : openExternal(settings.databaseUrl, log)
}

async function openEmbedded(dataDir: string, log: Logger): Promise<OpenDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir,
    hostRole,
    prepare: (superuser) => hardenDatabase(superuser, { hostRole }),
    log: (line) => log.debug({ line }, 'postgres'),
  })
  const pool = openPool(server.connection, log)
  return {
    pool,
    connection: server.connection,
    hardened: true,
    lost: new Promise((resolve) => {
      void server.exited.then(({ expected }) => {
        if (!expected) resolve(`The embedded Postgres has ended unexpectedly. Its log is in ${dataDir}.`)
      })
    }),
    async close() {
      await pool.end()
      await server.stop()
    },
  }
}

async function openExternal(databaseUrl: string, log: Logger): Promise<OpenDatabase> {
  const connection = readConnection(databaseUrl)
  const pool = openPool(connection, log)
  try {
    await checkServer(pool, log)
  } catch (error) {
    await pool.end()
    if (error instanceof StartError) throw error
    const where = `${connection.host}:${connection.port}/${connection.database}`
    const reason = error instanceof Error && error.message ? error.message : String(error)
    throw new StartError(`The database ${where} cannot be used: ${reason}. Check DATABASE_URL.`, { cause: error })
  }
  return { pool, connection, hardened: false, lost: new Promise(() => undefined), close: () => pool.end() }
}

function openPool(connection: pg.ClientConfig, log: Logger): pg.Pool {
  const pool = new pg.Pool({
    ...connection,
    application_name: 'tenon',
    options: hostConnectionOptions,
    max: maxConnections,
    maxLifetimeSeconds: connectionLifetimeSeconds,
    connectionTimeoutMillis: connectTimeoutMs,
  })
  // An idle connection that the server closed; the next query opens another.
  pool.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'))
  return pool
}

/** The driver itself takes the URL apart, so that both always understand it the same way. */
function readConnection(databaseUrl: string): pg.ClientConfig & { host: string; port: number; database: string } {
  const { host, port, user, password, database, ssl } = new pg.Client({ connectionString: databaseUrl })
  return {
    host,
    port,
    database: database ?? '',
    ...(user === undefined ? {} : { user }),
    ...(typeof password === 'string' ? { password } : {}),
    ...(ssl ? { ssl: ssl as unknown as NonNullable<pg.ClientConfig['ssl']> } : {}),
  }
}

async function checkServer(pool: pg.Pool, log: Logger): Promise<void> {
  const { rows } = await pool.query<{ version: number; role: string; makes: boolean; owns: boolean; super: boolean }>(
    `SELECT current_setting('server_version_num')::integer / 10000 AS version, current_user AS role,
       r.rolcreaterole OR r.rolsuper AS makes, pg_has_role(d.datdba, 'USAGE') AS owns, r.rolsuper AS super
     FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()`,
  )
  const [server] = rows
  if (!server || server.version < oldestServerVersion) {
    throw new StartError(
      `Tenon needs PostgreSQL ${oldestServerVersion} or newer; the server of DATABASE_URL is ${server?.version}.`,
    )
  }
  if (!server.makes || !server.owns) {
    throw new StartError(
      `The role "${server.role}" of DATABASE_URL must own the database and have CREATEROLE, because every plugin gets a role of its own.`,
    )
  }
  if (server.super)
    log.warn({ role: server.role }, 'DATABASE_URL names a superuser; a role that owns the database is enough')
}
