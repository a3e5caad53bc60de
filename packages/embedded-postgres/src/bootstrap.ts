import pg from 'pg'
import type { PostgresConnection } from './connection.js'

/**
 * Makes the host's role and its database, and takes from everybody else what Postgres grants by default. Safe to
 * repeat; only call it while holding the host's lock.
 */
export async function bootstrap(superuser: PostgresConnection, host: PostgresConnection): Promise<void> {
  await withClient({ ...superuser, database: 'postgres' }, async (client) => {
    await ensureRole(client, host.user, host.password)
    await ensureDatabase(client, host.database, host.user)
    // Roles made later must not meet each other in the databases that initdb leaves open to all.
    await client.query('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC')
  })
  await withClient({ ...superuser, database: host.database }, (client) =>
    closeToPublic(client, host.database, host.user),
  )
}

/** Only the owner may connect, make temporary tables or use schema public, until it grants more. */
export async function closeToPublic(client: pg.Client, database: string, owner: string): Promise<void> {
  const [db, role] = [pg.escapeIdentifier(database), pg.escapeIdentifier(owner)]
  await client.query(`REVOKE ALL ON DATABASE ${db} FROM PUBLIC`)
  await client.query(`ALTER SCHEMA public OWNER TO ${role}`)
  await client.query('REVOKE ALL ON SCHEMA public FROM PUBLIC')
}

/** Connects, runs `work`, and disconnects whatever happens. */
export async function withClient<T>(
  connection: PostgresConnection,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(connection)
  // The server may go away between two statements; the statement that notices reports it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function ensureRole(client: pg.Client, name: string, password: string): Promise<void> {
  const role = pg.escapeIdentifier(name)
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name])
  if (rowCount === 0) {
    // The password has 256 random bits: more than one round of hashing would only make every connection slower.
    await client.query('SET scram_iterations = 1')
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD ${pg.escapeLiteral(password)}`)
  }
  await client.query(`ALTER ROLE ${role} LOGIN NOSUPERUSER NOREPLICATION NOBYPASSRLS CREATEROLE CREATEDB`)
}

async function ensureDatabase(client: pg.Client, name: string, owner: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
  if (rowCount !== 0) return
  await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} OWNER ${pg.escapeIdentifier(owner)}`)
}
