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
}

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
          `SELECT c.relname AS table
           FROM tenon.created_relations r JOIN pg_class c ON c.oid = r.relation JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE r.role = $1::name AND r.plugin_key = $2 AND n.nspname = $3 AND pg_get_userbyid(c.relowner) = $1::name
             AND NOT EXISTS (SELECT FROM tenon.created_relations o WHERE o.relation = r.relation AND o.plugin_key <> $2)`,
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
  }
}
