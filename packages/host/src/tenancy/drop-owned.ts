import type { Pool, PoolClient } from 'pg'
import { withRoleOf } from '../migrations/role-membership.js'
import { inTransaction } from '../migrations/transaction.js'

/** Locks that one transaction takes: a server has room for some 8,000 of everybody. */
const locksPerDrop = 500
/** How long is waited for a session that has been told to end, and does not. */
export const lockTimeoutMs = 2_000

/**
 * Drops what a role owns, tables first, a part in each transaction: each of them takes locks, and a plugin may
 * have made more than the server has room for. What is left is little enough for DROP OWNED. Nobody is logged in as the
 * role any more. May be repeated.
 */
export async function dropOwnedInParts(pool: Pool, role: string, locks = locksPerDrop): Promise<void> {
  for (;;) {
    const dropped = await inTransaction(pool, async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
      const statements = await nextPart(client, role, locks)
      if (statements.length > 0) await withRoleOf(client, role, () => client.query(statements.join('; ')))
      return statements.length
    })
    if (dropped === 0) return
  }
}

async function nextPart(client: PoolClient, role: string, locks: number): Promise<string[]> {
  const { rows } = await client.query<{ sql: string }>(PART, [role, locks])
  return rows.map(({ sql }) => sql)
}

/**
 * Tables without parts first, with all that belongs to them; of those that have more indexes than fit, the indexes and
 * the constraints that stand on them. Indexes that came with a table of which this is a part go with the part alone.
 * Names are read from the catalog, and nothing runs that the plugin has made.
 */
const PART = `
  WITH mine AS (
    SELECT c.oid, c.oid::regclass::text AS name, 4 + (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) AS locks
    FROM pg_class c
    WHERE c.relowner = (SELECT oid FROM pg_roles WHERE rolname = $1) AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)
  ), pieces AS (
    SELECT m.oid, CASE WHEN k.conname IS NULL THEN format('DROP INDEX %s CASCADE', i.indexrelid::regclass)
        ELSE format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', m.name, k.conname) END AS sql
    FROM mine m JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition
      LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = m.oid
    WHERE m.locks > $2 LIMIT $2 / 4
  ), whole AS (
    SELECT format('DROP TABLE %s CASCADE', name) AS sql, sum(locks) OVER (ORDER BY oid) AS sum, row_number() OVER (ORDER BY oid) AS at
    FROM mine WHERE NOT EXISTS (SELECT FROM pieces WHERE pieces.oid = mine.oid)
  )
  SELECT sql FROM whole WHERE sum <= $2 OR at = 1
  UNION ALL
  SELECT sql FROM pieces WHERE NOT EXISTS (SELECT FROM whole)
  UNION ALL
  SELECT sql FROM (
    SELECT format('DROP SEQUENCE %s CASCADE', oid::regclass) AS sql FROM pg_class
    WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = $1) AND relkind = 'S'
    UNION ALL
    SELECT format('DROP TYPE %s CASCADE', oid::regtype) FROM pg_type
    WHERE typowner = (SELECT oid FROM pg_roles WHERE rolname = $1) AND (typtype = 'e' OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND c.relkind = 'c'))
    LIMIT $2 / 4) AS rest
  WHERE NOT EXISTS (SELECT FROM mine)`
