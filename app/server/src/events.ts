import type { Queryable } from './database/transaction.js'
import { announced } from './migrations/announcements.js'

/** Events that the application tells itself; those about registers come from triggers in the database. */
const appEvents = {
  'user.invited': 'A member was added',
  'user.role_changed': 'A member got another role',
}
export type AppEvent = keyof typeof appEvents

/** Events that the plugin host tells of any plugin. */
const hostEvents = {
  'plugin.failing': 'A plugin goes on failing',
  'plugin.recovered': 'A plugin works again',
}

const registerChanges = { created: 'was added', updated: 'was changed', deleted: 'was removed' }

/** Everything that is announced whatever plugins there are, for people who choose what they want to be told of. */
export const knownEvents: readonly { name: string; title: string }[] = [
  ...announced.flatMap(({ noun }) =>
    Object.entries(registerChanges).map(([change, words]) => ({
      name: `${noun}.${change}`,
      title: `A ${noun} ${words}`,
    })),
  ),
  ...Object.entries({ ...appEvents, ...hostEvents }).map(([name, title]) => ({ name, title })),
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
