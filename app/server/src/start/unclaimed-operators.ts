import type { Pool } from 'pg'
import type { Logger } from 'pino'

/** Nobody checks that an address belongs to whoever registers it, so an operator's must not stay free for long. */
export async function warnOfUnclaimedOperators(
  pool: Pool,
  operatorEmails: readonly string[],
  log: Logger,
): Promise<void> {
  if (operatorEmails.length === 0) return
  const { rows } = await pool.query<{ email: string }>('SELECT email FROM public.users WHERE email = ANY ($1)', [
    operatorEmails,
  ])
  const claimed = new Set(rows.map((row) => row.email))
  const unclaimed = operatorEmails.filter((email) => !claimed.has(email))
  if (unclaimed.length > 0) {
    log.warn({ unclaimed }, 'addresses in OPERATOR_EMAILS have no user yet; register them before anybody else does')
  }
}
