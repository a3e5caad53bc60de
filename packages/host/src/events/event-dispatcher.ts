import type { PluginEvent } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'

/** A plugin of one organization that asked for an event. */
export interface Subscriber {
  pluginKey: string
  /** Name of the exported function that is called. */
  handler: string
  routingType?: string
}

interface EventDispatcherOptions {
  pool: Pool
  /** Who, in this organization, asked for events of this name. */
  subscribersOf: (organizationId: number, eventName: string) => Promise<Subscriber[]>
  /** Hands one event to one plugin; throws when that failed and should be tried again. */
  deliver: (organizationId: number, subscriber: Subscriber, event: PluginEvent) => Promise<void>
  log: (event: string, fields: Record<string, unknown>) => void
}

export interface EventDispatcher {
  start(): Promise<void>
  /** Finishes the deliveries in flight and stops. */
  stop(): Promise<void>
  /** Works off all that is due now; for tests and for a stopping server. */
  drain(): Promise<void>
}

// A notification wakes the dispatcher at once; the poll catches what was missed and what is due for another attempt.
const pollIntervalMs = 2_000
// A delivery that was claimed by a server that died is due again after this; longer than the deadline of an event call.
const claimMs = 60_000
const retryDelaysMs = [5_000, 20_000, 80_000, 300_000, 1_200_000]
const fanOutBatch = 100
const deliveriesAtOnce = 8

/** Takes events from the outbox and delivers each to every plugin that asked for it, at least once. */
export function createEventDispatcher({ pool, subscribersOf, deliver, log }: EventDispatcherOptions): EventDispatcher {
  let listener: PoolClient | undefined
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false
  let stopped = true

  function wake(): void {
    if (stopped) return
    if (running) {
      again = true
      return
    }
    running = workAll()
      .catch((error: unknown) => log('events-failed', { reason: messageOf(error) }))
      .finally(() => {
        running = undefined
        if (again) {
          again = false
          wake()
        }
      })
  }

  async function workAll(): Promise<void> {
    while ((await fanOut()) > 0) continue
    while ((await deliverDue()) > 0 && !stopped) continue
  }

  /** Turns waiting events into one delivery for each subscriber. Answers how many events it dealt with. */
  async function fanOut(): Promise<number> {
    const client = await pool.connect()
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<OutboxRow>(
        `SELECT event_id, organization_id, name FROM tenon.outbox WHERE dispatched_at IS NULL
         ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`,
        [fanOutBatch],
      )
      for (const row of rows) await addDeliveries(client, row)
      await client.query('COMMIT')
      return rows.length
    } catch (error) {
      await client.query('ROLLBACK')
      throw error
    } finally {
      client.release()
    }
  }

  async function addDeliveries(
    client: PoolClient,
    { event_id: eventId, organization_id: organization, name }: OutboxRow,
  ) {
    for (const { pluginKey, handler, routingType } of await subscribersOrNone(organization, name)) {
      await client.query(
        `INSERT INTO tenon.event_deliveries (event_id, organization_id, plugin_key, handler, routing_type)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [eventId, organization, pluginKey, handler, routingType ?? null],
      )
    }
    await client.query('UPDATE tenon.outbox SET dispatched_at = now() WHERE event_id = $1', [eventId])
  }

  /** An organization whose subscribers cannot be told, for example because it is being removed, must not hold up the others. */
  async function subscribersOrNone(organizationId: number, name: string): Promise<Subscriber[]> {
    try {
      return await subscribersOf(organizationId, name)
    } catch (error) {
      log('event-fan-out-failed', { organizationId, name, reason: messageOf(error) })
      return []
    }
  }

  /** Attempts a batch of due deliveries side by side. Answers how many there were. */
  async function deliverDue(): Promise<number> {
    const { rows } = await pool.query<DeliveryRow>(
      `UPDATE tenon.event_deliveries d
       SET attempts = attempts + 1, next_attempt_at = now() + $1 * interval '1 millisecond'
       FROM tenon.outbox o
       WHERE o.event_id = d.event_id AND (d.event_id, d.plugin_key, d.handler) IN (
         SELECT event_id, plugin_key, handler FROM tenon.event_deliveries
         WHERE state = 'waiting' AND next_attempt_at <= now()
         ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING d.*, o.name, o.source, o.payload, o.created_at`,
      [claimMs, deliveriesAtOnce],
    )
    await Promise.all(rows.map(attempt))
    return rows.length
  }

  async function attempt(row: DeliveryRow): Promise<void> {
    const key = [row.event_id, row.plugin_key, row.handler]
    try {
      await deliver(row.organization_id, toSubscriber(row), toEvent(row))
      await pool.query(
        `UPDATE tenon.event_deliveries SET state = 'delivered', delivered_at = now(), last_error = NULL
         WHERE (event_id, plugin_key, handler) = ($1, $2, $3)`,
        key,
      )
    } catch (error) {
      const delayMs = retryDelaysMs[row.attempts - 1]
      const reason = messageOf(error)
      await pool.query(
        `UPDATE tenon.event_deliveries SET state = $4, last_error = $5, next_attempt_at = now() + $6 * interval '1 millisecond'
         WHERE (event_id, plugin_key, handler) = ($1, $2, $3)`,
        [...key, delayMs === undefined ? 'failed' : 'waiting', reason.slice(0, 2_000), delayMs ?? 0],
      )
      log('event-delivery-failed', { eventId: row.event_id, pluginKey: row.plugin_key, attempt: row.attempts, reason })
    }
  }

  async function listen(): Promise<void> {
    listener = await pool.connect()
    listener.on('notification', wake)
    // A lost connection only costs latency: the poll goes on, and the next start listens again.
    listener.on('error', (error) => {
      listener?.release(error)
      listener = undefined
    })
    await listener.query('LISTEN tenon_outbox')
  }

  return {
    async start() {
      stopped = false
      await listen()
      timer = setInterval(wake, pollIntervalMs)
      wake()
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      await running
      listener?.release(true)
      listener = undefined
    },
    async drain() {
      await running
      await workAll()
    },
  }
}

interface OutboxRow {
  event_id: string
  organization_id: number
  name: string
}

interface DeliveryRow {
  event_id: string
  organization_id: number
  plugin_key: string
  handler: string
  routing_type: string | null
  attempts: number
  name: string
  source: string
  payload: Record<string, unknown>
  created_at: Date
}

function toSubscriber(row: DeliveryRow): Subscriber {
  return {
    pluginKey: row.plugin_key,
    handler: row.handler,
    ...(row.routing_type === null ? {} : { routingType: row.routing_type }),
  }
}

function toEvent(row: DeliveryRow): PluginEvent {
  return {
    id: row.event_id,
    name: row.name,
    occurredAt: row.created_at.toISOString(),
    source: row.source,
    payload: row.payload,
    ...(row.routing_type === null ? {} : { routingType: row.routing_type }),
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
