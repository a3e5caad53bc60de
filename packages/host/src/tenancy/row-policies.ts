import type { ClientBase } from 'pg'
import type { GrantableTable, GrantableTables } from './grantable.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'

const POLICY = 'tenon_own_organization'

/**
 * Puts row-level security on the public tables that plugins may be granted: a plugin sees the rows of its own
 * organization. The owner of the tables, which is the application, sees all. Idempotent; locks a table only when
 * something is missing. A table that does not exist yet is left for the next start.
 */
export async function applyRowPolicies(client: ClientBase, grantable: GrantableTables, group: string): Promise<void> {
  for (const [name, table] of Object.entries(grantable)) {
    if (table.scope === 'public' && table.organizationColumn) await applyPolicy(client, name, table, group)
  }
}

async function applyPolicy(client: ClientBase, name: string, table: GrantableTable, group: string): Promise<void> {
  const relation = `public.${quote(name.slice('public.'.length))}`
  const condition = conditionOf(table)
  const { rows } = await client.query<{ secured: boolean; policy: string | null }>(
    `SELECT c.relrowsecurity AS secured, obj_description(p.oid, 'pg_policy') AS policy
     FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = $2
     WHERE c.oid = to_regclass($1)`,
    [relation, POLICY],
  )
  const [found] = rows
  const description = `${condition} for ${group}`
  if (!found || (found.secured && found.policy === description)) return
  await client.query(`
    ALTER TABLE ${relation} ENABLE ROW LEVEL SECURITY;
    DROP POLICY IF EXISTS ${POLICY} ON ${relation};
    CREATE POLICY ${POLICY} ON ${relation} FOR ALL TO ${quote(group)} USING (${condition}) WITH CHECK (${condition});
    COMMENT ON POLICY ${POLICY} ON ${relation} IS '${description.replaceAll("'", "''")}'`)
}

function conditionOf({ organizationColumn = '', ownerColumn }: GrantableTable): string {
  // Inside a scalar subquery the function runs once a statement, not once a row.
  const organization = `${quote(organizationColumn)} = (SELECT public.current_org())`
  return ownerColumn ? `${organization} AND ${quote(ownerColumn)}::text = session_user::text` : organization
}
