import type { ClientBase } from 'pg'
import { quoteIdentifier as quote } from './sql-text.js'

/**
 * Waits for everybody who changes grants in this database. Two at once on one schema or one public table get "tuple
 * concurrently updated". Taken before any lock of a single role.
 */
export async function lockGrants(client: ClientBase): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('tenon.grants', 0))`)
}

/**
 * Runs `work` while the host is a member of a plugin's role, inside the caller's transaction. The host is a member only
 * for as long as it takes to terminate, rename or drop: a host that always had the plugin's privileges would follow
 * where the plugin's tables lead.
 */
export async function withRoleOf<Result>(
  client: ClientBase,
  role: string,
  work: () => Promise<Result>,
): Promise<Result> {
  // Two replicas that change one membership at once get "tuple concurrently updated".
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('tenon.role:' || $1, 0))`, [role])
  await client.query(`GRANT ${quote(role)} TO CURRENT_USER`)
  const result = await work()
  await client.query(`REVOKE ${quote(role)} FROM CURRENT_USER`)
  return result
}
