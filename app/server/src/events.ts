import type { Queryable } from './database/transaction.js'

/** Events that the application tells itself; those about registers come from triggers in the database. */
export type AppEvent = 'user.invited' | 'user.role_changed'

/** Joins the transaction of `database`: the event is heard of exactly when the change is there. */
export async function publishEvent(
  database: Queryable,
  organizationId: number,
  name: AppEvent,
  payload: Record<string, unknown>,
): Promise<void> {
  await database.query(`INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES ($1, 'app', $2, $3)`, [
    organizationId,
    name,
    payload,
  ])
}
