import pg from 'pg'
import type { Logger } from 'pino'
import { hostConnectionOptions } from './tenancy/index.js'

const maxConnections = 20
/** Every connection remembers something of each tenant that it served, so none lives for ever. */
const connectionLifetimeSeconds = 600
const connectTimeoutMs = 10_000

export interface HostDatabaseOptions {
  /** Connections of the host's own role, made with `options: hostConnectionOptions`. Made from `connection` when absent. */
  pool?: pg.Pool
  /**
   * Server and database, with the credentials of the host's own role: owner of the database, CREATEROLE. A URL
   * (`postgres://…`) or what `pg` takes. Plugin roles connect in the same way, with credentials of their own.
   */
  connection: pg.ClientConfig | string
}

export interface HostDatabase {
  pool: pg.Pool
  /** In parts: a URL in it would outrank the user and the password that are set beside it. */
  connection: pg.ClientConfig
  /** Ends the connections that were opened here, and leaves a pool that was passed in alone. May be repeated. */
  close(): Promise<void>
}

/**
 * The connections of a host: those that are passed in, or a pool of its own.
 *
 * @since 0.1.0
 */
export function openHostDatabase({ pool, ...options }: HostDatabaseOptions, log: Logger): HostDatabase {
  const connection = takeApart(options.connection)
  if (pool) return { pool, connection, close: () => Promise.resolve() }
  const own = openPool(connection, log)
  let closed: Promise<void> | undefined
  return { pool: own, connection, close: () => (closed ??= own.end()) }
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
  // An idle connection that the server closed; the next query opens another. Those that are being closed here may be told so, too.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ err: error }, 'database-connection-lost')
  })
  return pool
}

/** The driver itself takes the URL apart, so that both always understand it the same way. */
function takeApart(given: pg.ClientConfig | string): pg.ClientConfig {
  const { connectionString, ...rest } = typeof given === 'string' ? { connectionString: given } : given
  if (connectionString === undefined) return rest
  const { host, port, user, password, database, ssl } = new pg.Client({ ...rest, connectionString })
  return {
    ...rest,
    host,
    port,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(database === undefined ? {} : { database }),
    ...(ssl ? { ssl: ssl as unknown as NonNullable<pg.ClientConfig['ssl']> } : {}),
  }
}
