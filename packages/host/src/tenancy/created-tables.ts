import type { Pool } from 'pg'
import { withRoleOf } from '../migrations/role-membership.js'
import type { PluginRole } from './roles.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'

/** Which plugins of a shared role created which tables, by what they said and not by who was first. */
export interface CreatedTables {
  record(role: PluginRole, pluginKey: string, names: string[]): Promise<void>
  /** Drops the tables that this plugin alone has claimed, and forgets its claims. Answers the names. */
  erase(role: PluginRole, pluginKey: string): Promise<string[]>
  /** What would go: the tables of the role, or of those the ones that this plugin alone has claimed. */
  list(role: PluginRole, pluginKey?: string): Promise<OwnedTable[]>
}

/** A table as the server's own counters know it, which run nothing that a plugin has made. */
export interface OwnedTable {
  name: string
  /** Live rows, as last counted by the server. */
  rows: number
}

/** More is nothing that a person reads. */
const mostListed = 1_000

/** Tables of role $1 in schema $3 which plugin $2 alone has claimed. */
const claimedAlone = `SELECT c.oid, c.relname
  FROM tenon.created_relations r JOIN pg_class c ON c.oid = r.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE r.role = $1::name AND r.plugin_key = $2 AND n.nspname = $3 AND pg_get_userbyid(c.relowner) = $1::name
    AND NOT EXISTS (SELECT FROM tenon.created_relations o WHERE o.relation = r.relation AND o.plugin_key <> $2)`
/** All tables of role $1 in schema $3. */
const owned = `SELECT c.oid, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE $2::text IS NULL AND n.nspname = $3 AND c.relkind IN ('r', 'p') AND pg_get_userbyid(c.relowner) = $1::name`

export function createCreatedTables(pool: Pool): CreatedTables {
  return {
    async record({ name, schema, organizationId }, pluginKey, names) {
      await pool.query(
        `INSERT INTO tenon.created_relations (relation, plugin_key, organization_id, role)
         SELECT c.oid, $1, $2, $3::name
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $4 AND c.relname = ANY ($5) AND pg_get_userbyid(c.relowner) = $3::name
         ON CONFLICT DO NOTHING`,
        [pluginKey, organizationId, name, schema, names],
      )
    },
    erase: ({ name, schema }, pluginKey) =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ table: string }>(
          `SELECT relname AS table FROM (${claimedAlone}) AS claimed`,
          [name, pluginKey, schema],
        )
        const tables = rows.map((row) => row.table)
        if (tables.length > 0) {
          const list = tables.map((table) => `${quote(schema)}.${quote(table)}`).join(', ')
          await withRoleOf(client, name, () => client.query(`DROP TABLE ${list} CASCADE`))
        }
        await client.query('DELETE FROM tenon.created_relations WHERE role = $1 AND plugin_key = $2', [name, pluginKey])
        return tables
      }),
    async list({ name, schema }, pluginKey) {
      // Catalogs and counters only: their sizes would wait for locks, which the plugin may hold.
      const { rows } = await pool.query<{ name: string; rows: string }>(
        `SELECT t.relname AS name, greatest(pg_stat_get_live_tuples(t.oid), 0) AS rows
         FROM (${pluginKey === undefined ? owned : claimedAlone}) AS t ORDER BY t.relname LIMIT ${mostListed}`,
        [name, pluginKey ?? null, schema],
      )
      return rows.map((row) => ({ name: row.name, rows: Number(row.rows) }))
    },
  }
}
