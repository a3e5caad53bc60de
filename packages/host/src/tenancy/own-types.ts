import type { Pool } from 'pg'
import { lockGrants } from '../migrations/role-membership.js'
import { inTransaction } from '../migrations/transaction.js'

/**
 * Lets nobody but the host make columns of the host's types, those of the rows of its tables among them: Postgres changes
 * no table, and drops no type, that a column elsewhere is made of, so that one such column of a plugin would keep
 * migrations from everybody. Whoever may read a table reads, casts and compares as before. Idempotent; a transaction for
 * each schema, because some releases of Postgres lock every type.
 *
 * @param schema of one tenant; without it of all, and `public`
 */
export async function keepTypes(pool: Pool, schema?: string): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT DISTINCT n.nspname AS name ${OPEN_TYPES} AND (n.nspname = coalesce($1, 'public')
       OR $1::text IS NULL AND n.nspname IN (SELECT schema FROM tenon.tenants))`,
    [schema ?? null],
  )
  for (const { name } of rows) {
    await inTransaction(pool, async (client) => {
      await lockGrants(client)
      const open = await client.query<{ sql: string }>(
        `SELECT format('REVOKE USAGE ON TYPE %I.%I FROM PUBLIC', n.nspname, t.typname) AS sql ${OPEN_TYPES} AND n.nspname = $1`,
        [name],
      )
      await client.query(open.rows.map(({ sql }) => sql).join('; '))
    })
  }
}

const OPEN_TYPES = `
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE pg_get_userbyid(t.typowner) = current_user AND t.typtype IN ('c', 'e', 'd', 'r')
    AND has_type_privilege('public', t.oid, 'USAGE')`
