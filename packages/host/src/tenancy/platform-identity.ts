import type { ClientBase } from 'pg'

/**
 * The key that makes this database's role names its own on the server. The database's oid is part of it, because a
 * database that is copied (CREATE DATABASE … TEMPLATE) has the same stored id.
 */
export async function readDatabaseId(client: Pick<ClientBase, 'query'>): Promise<Buffer> {
  const { rows } = await client.query<{ id: Buffer }>(
    `SELECT i.id || int8send(d.oid::bigint) AS id
     FROM tenon.database_id i, pg_database d WHERE d.datname = current_database()`,
  )
  if (!rows[0]) throw new Error('The platform migrations have not run: tenon.database_id is empty.')
  return rows[0].id
}
