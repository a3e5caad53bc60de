import type { Queryable } from './database/transaction.js'
import { announced } from './migrations/announcements.js'

/** Events that the application tells itself; those about registers come from triggers in the database. */
const appEvents = ['user.invited', 'user.role_changed'] as const
export type AppEvent = (typeof appEvents)[number]

/** Events that the plugin host tells of any plugin. */
const hostEvents = ['plugin.failing', 'plugin.recovered'] as const

/** Everything that is announced whatever plugins there are, for people who choose what they want to be told of. */
export const eventNames: readonly string[] = [
  ...announced.flatMap(({ noun }) => ['created', 'updated', 'deleted'].map((change) => `${noun}.${change}`)),
  ...appEvents,
  ...hostEvents,
]

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
