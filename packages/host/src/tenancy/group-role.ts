import type { Pool } from 'pg'
import { type GrantableTables } from './grantable.js'
import { lockGrants } from '../migrations/role-membership.js'
import { keepTypes } from './own-types.js'
import { applyRowPolicies } from './row-policies.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'

/**
 * Makes what all plugin roles of this database share: the group, which may connect, use `public`, and call
 * `current_org()` and `tenon_api.publish()`; and row-level security on the public tables that may be granted; and keeps types to the host.
 * Idempotent, and safe for replicas that start together.
 */
export async function prepareGroup(pool: Pool, group: string, grantable: GrantableTables): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockGrants(client)
    const role = quote(group)
    const { rows } = await client.query<{ database: string; known: boolean }>(
      `SELECT quote_ident(current_database()) AS database,
              EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS known`,
      [group],
    )
    if (!rows[0]?.known) await client.query(`CREATE ROLE ${role} NOLOGIN`)
    await client.query(`
      GRANT CONNECT ON DATABASE ${rows[0]?.database} TO ${role};
      GRANT USAGE ON SCHEMA public, tenon_api TO ${role};
      GRANT EXECUTE ON FUNCTION public.current_org(), tenon_api.publish(text, jsonb) TO ${role}`)
    await applyRowPolicies(client, grantable, group)
    if (!rows[0]?.known) await adoptRoles(client, role)
  })
  await keepTypes(pool)
}

/** After a restore into another database the group is new, and the roles are not its members yet. */
async function adoptRoles(client: Parameters<typeof applyRowPolicies>[0], group: string): Promise<void> {
  const { rows } = await client.query<{ role: string }>(
    'SELECT r.role FROM tenon.plugin_roles r JOIN pg_roles p ON p.rolname = r.role',
  )
  for (const { role } of rows) await client.query(`GRANT ${group} TO ${quote(role)}`)
}
