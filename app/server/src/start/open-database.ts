import { join } from 'node:path'
import { EmbeddedPostgresError, findRunningServer, startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { hardenDatabase, openHostDatabase, type HostDatabase } from '@tenon/host'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Settings } from '../env.js'
import { StartError } from './start-error.js'

/** The database of this installation, ready for use; closing it also ends the embedded server. */
export interface OpenDatabase extends HostDatabase {
  /** Resolves with a sentence when the embedded server ends by itself. */
  lost: Promise<string>
}

const hostRole = 'tenon_host'
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

/**
 * The same, for a command that may work beside a running server: the embedded database of that server, where there is one.
 *
 * @throws StartError, EmbeddedPostgresError
 */
export async function openDatabaseBeside(
  settings: Pick<Settings, 'databaseUrl' | 'dataDir'>,
  log: Logger,
): Promise<OpenDatabase> {
  try {
    return await openDatabase(settings, log)
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError) || error.code !== 'DATA_DIR_IN_USE') throw error
    const connection = await findRunningServer(join(settings.dataDir, 'postgres'), { hostRole })
    if (!connection) throw error
    return { ...openHostDatabase({ connection }, log), lost: new Promise(() => undefined) }
  }
}

async function openEmbedded(dataDir: string, log: Logger): Promise<OpenDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir,
    hostRole,
    prepare: (superuser) => hardenDatabase(superuser, { hostRole }),
    log: (line) => log.debug({ line }, 'postgres'),
  })
  const database = openHostDatabase({ connection: server.connection }, log)
  return {
    ...database,
    lost: new Promise((resolve) => {
      void server.exited.then(({ expected }) => {
        if (!expected) resolve(`The embedded Postgres has ended unexpectedly. Its log is in ${dataDir}.`)
      })
    }),
    async close() {
      await database.close()
      await server.stop()
    },
  }
}

/**
 * The server that an operator brings, after it was seen that it will do.
 *
 * @throws StartError
 */
export async function openExternal(databaseUrl: string, log: Logger): Promise<OpenDatabase> {
  const database = openHostDatabase({ connection: databaseUrl }, log)
  try {
    await checkServer(database.pool, log)
  } catch (error) {
    await database.close()
    if (error instanceof StartError) throw error
    const { host, port, database: name } = database.connection
    const where = `${host}:${port}/${name}`
    const reason = error instanceof Error && error.message ? error.message : String(error)
    throw new StartError(`The database ${where} cannot be used: ${reason}. Check DATABASE_URL.`, { cause: error })
  }
  return { ...database, lost: new Promise(() => undefined) }
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
