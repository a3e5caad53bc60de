import type { Pool } from 'pg'
import { messageOf } from './message-of.js'
import type { Subscriber } from './subscriber.js'

interface FanOutOptions {
  pool: Pool
  /** Who, in this organization, asked for events of this name. Nobody when the organization is gone. */
  subscribersOf: (organizationId: number, eventName: string) => Promise<Subscriber[]>
  log: (event: string, fields: Record<string, unknown>) => void
  /** For how long an organization is left alone after its subscribers could not be told, in milliseconds. */
  pauseMs: number
  /** Called when there are new deliveries. */
  onDeliveries: () => void
}

const batch = 100

/**
 * Turns every waiting event into one delivery for each subscriber. An event whose subscribers cannot be told at the
 * moment goes on waiting, and does not hold up those of other organizations.
 */
export function createFanOut(options: FanOutOptions): (signal: AbortSignal) => Promise<void> {
  const { pool, subscribersOf, log, pauseMs, onDeliveries } = options
  const pausedUntil = new Map<number, number>()

  return async (signal) => {
    while (!signal.aborted) {
      const groups = await waitingGroups(pool, pausedNow(pausedUntil))
      if (groups.length === 0) return
      for (const { organizationId, name, eventIds } of groups) {
        try {
          await addDeliveries(pool, eventIds, await subscribersOf(organizationId, name))
        } catch (error) {
          pausedUntil.set(organizationId, Date.now() + pauseMs)
          log('event-fan-out-failed', { organizationId, name, reason: messageOf(error) })
        }
      }
      onDeliveries()
    }
  }
}

interface Group {
  organizationId: number
  name: string
  eventIds: string[]
}

/** The oldest of each organization before the second oldest of any, so that none waits behind another's flood. */
async function waitingGroups(pool: Pool, paused: readonly number[]): Promise<Group[]> {
  const { rows } = await pool.query<Group>(
    `SELECT organization_id AS "organizationId", name, array_agg(event_id ORDER BY id) AS "eventIds" FROM (
       SELECT event_id, organization_id, name, id, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS turn
       FROM tenon.outbox WHERE dispatched_at IS NULL AND organization_id <> ALL ($1::integer[])
       ORDER BY turn, id LIMIT $2) waiting
     GROUP BY organization_id, name ORDER BY min(turn), min(id)`,
    [paused, batch],
  )
  return rows
}

/** One statement, so that it happens as a whole; of two servers that do the same, the second finds nothing left to do. */
async function addDeliveries(pool: Pool, eventIds: readonly string[], subscribers: readonly Subscriber[]) {
  await pool.query(
    `WITH event AS (
       UPDATE tenon.outbox SET dispatched_at = now() WHERE event_id = ANY ($1::uuid[]) AND dispatched_at IS NULL
       RETURNING event_id, organization_id)
     INSERT INTO tenon.event_deliveries (event_id, organization_id, plugin_key, handler, routing_type)
     SELECT event_id, organization_id, "pluginKey", handler, "routingType"
     FROM event, jsonb_to_recordset($2) AS subscriber ("pluginKey" text, handler text, "routingType" text)
     ON CONFLICT DO NOTHING`,
    [eventIds, JSON.stringify(subscribers)],
  )
}

function pausedNow(pausedUntil: Map<number, number>): number[] {
  for (const [organizationId, until] of pausedUntil) if (until <= Date.now()) pausedUntil.delete(organizationId)
  return [...pausedUntil.keys()]
}
