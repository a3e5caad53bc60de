import type { PluginEvent } from '@tenon/contract'
import type { Pool } from 'pg'
import { pauseBefore } from '../limit-table.js'
import { DeliveryFailure } from './delivery-failure.js'
import type { DeliveryOwner } from './delivery-log.js'
import type { EventLimits } from './event-limits.js'
import { messageOf } from './message-of.js'
import { createRounds } from './rounds.js'
import type { Subscriber } from './subscriber.js'
import { createTurns, pluginOf, type Due } from './turns.js'

/** Answers that it was dropped when nobody waits for the event any more. */
export type Deliver = (
  organizationId: number,
  subscriber: Subscriber,
  event: PluginEvent,
  signal: AbortSignal,
) => Promise<'dropped' | void>

/** What came of an event for one subscriber. */
export interface DeliveryEnd extends DeliveryOwner {
  event: string
  /** Why it was not taken, and is not tried again. */
  failure?: unknown
}

interface DeliveriesOptions {
  pool: Pool
  limits: EventLimits
  /**
   * Hands one event to one plugin until the signal cuts it off; throws when that failed and should be tried again, unless
   * it is a {@link DeliveryFailure} that says otherwise.
   */
  deliver: Deliver
  /** Called when a delivery was taken, or has failed for good. */
  onEnd: (end: DeliveryEnd) => Promise<void>
  log: (event: string, fields: Record<string, unknown>) => void
}

interface Deliveries {
  start(): void
  /** Begins what is due, as far as there is room. */
  wake(): void
  /** Finishes what is under way, up to `stopMs`; what is cut off then is due again at once. */
  stop(): Promise<void>
}

/** Events that are claimed for a plugin together, so that the queue is asked once for all of them. */
const batch = 24
/** After so long nothing more of a batch is begun, so that it ends well before its claim does. */
const batchMs = 10_000

/**
 * Delivers what is due: for each plugin its events in order, a few at a time, organizations by turns. A plugin that hangs
 * holds up nobody but itself.
 */
export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { pool, deliver, onEnd, log, limits } = options
  const { longestDeliveryMs, stopMs, cutOffMs, claimMarginMs } = limits
  const claimMs = longestDeliveryMs + cutOffMs + claimMarginMs
  const underWay = new Map<string, UnderWay>()
  const turns = createTurns({ perOrganization: limits.pluginsPerOrganization })
  const rounds = createRounds(fillSlots, (error) => log('events-failed', { reason: messageOf(error) }))
  let stopped = true

  async function fillSlots(): Promise<void> {
    while (!stopped && underWay.size < limits.plugins) {
      const busy = [...underWay.values()].map(({ plugin }) => plugin)
      const due = byPlugin(await dueOf(pool))
      const chosen = turns.choose([...due.values()].map(firstOf), busy, limits.plugins - underWay.size)
      if (chosen.length === 0) return
      const claimed = await claim(
        pool,
        chosen.flatMap((plugin) => due.get(pluginOf(plugin)) ?? []),
        claimMs,
      )
      for (const rows of byPlugin(claimed).values()) begin(rows)
    }
  }

  function begin(rows: DeliveryRow[]): void {
    const plugin = firstOf(rows)
    const aborts = new Set<AbortController>()
    const done = deliverAll(rows, aborts).finally(() => {
      underWay.delete(pluginOf(plugin))
      if (!stopped) rounds.wake()
    })
    underWay.set(pluginOf(plugin), { plugin, aborts, done })
  }

  /** In order, until one fails: then the others of the batch are better tried after those of other plugins. */
  async function deliverAll(rows: DeliveryRow[], aborts: Set<AbortController>): Promise<void> {
    const endsAt = Date.now() + batchMs
    let goesOn = true
    const work = async (): Promise<void> => {
      for (let row = rows.shift(); row; row = rows.shift()) {
        goesOn &&= !stopped && Date.now() < endsAt
        goesOn = (await (goesOn ? attemptWith(row, aborts) : giveBack(row).catch(noted(row)))) === true && goesOn
      }
    }
    await Promise.all(Array.from({ length: limits.eventsPerPlugin }, work))
  }

  const noted = (row: DeliveryRow) => (error: unknown) =>
    log('events-failed', { eventId: row.event_id, reason: messageOf(error) })

  /** Whether it was delivered. */
  async function attemptWith(row: DeliveryRow, aborts: Set<AbortController>): Promise<boolean> {
    const abort = new AbortController()
    aborts.add(abort)
    try {
      return await attempt(row, abort)
    } catch (error) {
      noted(row)(error)
      return false
    } finally {
      aborts.delete(abort)
    }
  }

  async function attempt(row: DeliveryRow, abort: AbortController): Promise<boolean> {
    const timer = setTimeout(() => abort.abort(new Error('The delivery took too long.')), longestDeliveryMs)
    let outcome: Awaited<ReturnType<Deliver>>
    try {
      const delivery = deliver(row.organization_id, toSubscriber(row), toEvent(row), abort.signal)
      outcome = await Promise.race([delivery, cutOff(abort.signal, cutOffMs)])
    } catch (error) {
      await keepSettled(row, error)
      await (stopped && abort.signal.aborted ? giveBack(row) : fail(row, error))
      return false
    } finally {
      clearTimeout(timer)
    }
    const change = `state = 'delivered', delivered_at = now(), last_error = NULL, settled = NULL`
    if ((await settle(row, change)) && outcome !== 'dropped') await tellEnd(row)
    return true
  }

  const tellEnd = (row: DeliveryRow, failed: { failure?: unknown } = {}) =>
    onEnd({ organizationId: row.organization_id, pluginKey: row.plugin_key, event: row.name, ...failed }).catch(
      noted(row),
    )

  /** Of somebody who says nothing, what was said earlier stays. */
  async function keepSettled(row: DeliveryRow, error: unknown): Promise<void> {
    const settled = error instanceof DeliveryFailure ? error.settled : undefined
    if (settled !== undefined) await settle(row, 'settled = $5', [settled])
  }

  async function fail(row: DeliveryRow, error: unknown): Promise<void> {
    const reason = messageOf(error)
    const said = error instanceof DeliveryFailure ? error : undefined
    const askedMs = Math.min(said?.retryAfterMs ?? 0, limits.maxPutOffMs)
    const isPutOff = askedMs > 0 && Date.now() - row.created_at.getTime() < limits.maxPutOffMs
    const isOver = said?.retryable === false || (!isPutOff && row.attempts >= limits.maxAttempts)
    // What was put off often pauses longer all the same: whoever always says "at once" is asked no more than others.
    const delayMs = isOver ? undefined : Math.max(pauseBefore(row.attempts + 1, limits), askedMs)
    log('event-delivery-failed', { eventId: row.event_id, pluginKey: row.plugin_key, attempt: row.attempts, reason })
    const isSettled = await settle(
      row,
      `state = $5, last_error = $6, next_attempt_at = now() + $7 * interval '1 millisecond'`,
      [delayMs === undefined ? 'failed' : 'waiting', reason, delayMs ?? 0],
    )
    if (isSettled && delayMs === undefined) await tellEnd(row, { failure: error })
  }

  /** That the server stopped is not the plugin's failure. */
  const giveBack = (row: DeliveryRow) => settle(row, 'attempts = attempts - 1, next_attempt_at = now()')

  /** Changes nothing any more, and says so, when another server took the delivery over. */
  async function settle(row: DeliveryRow, change: string, values: unknown[] = []): Promise<boolean> {
    const { rowCount } = await pool.query(
      `UPDATE tenon.event_deliveries SET ${change}
       WHERE (event_id, plugin_key, handler) = ($1, $2, $3) AND state = 'waiting' AND attempts = $4`,
      [row.event_id, row.plugin_key, row.handler, row.attempts, ...values],
    )
    return rowCount === 1
  }

  return {
    start() {
      stopped = false
    },
    wake() {
      if (!stopped) rounds.wake()
    },
    async stop() {
      stopped = true
      const abortAll = () =>
        underWay.forEach(({ aborts }) => aborts.forEach((abort) => abort.abort(new Error('The server is stopping.'))))
      const timer = setTimeout(abortAll, stopMs)
      await rounds.ended()
      await Promise.all([...underWay.values()].map(({ done }) => done))
      clearTimeout(timer)
    },
  }
}

interface UnderWay {
  plugin: Due
  aborts: Set<AbortController>
  done: Promise<void>
}

interface DueRow {
  event_id: string
  organization_id: number
  plugin_key: string
  handler: string
}

interface DeliveryRow extends DueRow {
  position: string
  routing_type: string | null
  attempts: number
  settled: unknown
  name: string
  source: string
  payload: Record<string, unknown>
  created_at: Date
}

/** For each plugin what is due first. */
async function dueOf(pool: Pool): Promise<DueRow[]> {
  const { rows } = await pool.query<DueRow>(
    `SELECT event_id, organization_id, plugin_key, handler FROM (
       SELECT event_id, organization_id, plugin_key, handler,
         row_number() OVER (PARTITION BY organization_id, plugin_key ORDER BY next_attempt_at) AS turn
       FROM tenon.event_deliveries WHERE state = 'waiting' AND next_attempt_at <= now()) due
     WHERE turn <= $1 ORDER BY organization_id, plugin_key, turn`,
    [batch],
  )
  return rows
}

/** Keeps the order within each. */
function byPlugin<Row extends Due>(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const group = groups.get(pluginOf(row))
    if (group) group.push(row)
    else groups.set(pluginOf(row), [row])
  }
  return groups
}

function firstOf<Row extends Due>(rows: readonly Row[]): Row {
  const [first] = rows
  if (!first) throw new Error('there is a plugin without events')
  return first
}

/** Of those that another server takes at the same moment, only one of them gets each. */
async function claim(pool: Pool, due: readonly DueRow[], claimMs: number): Promise<DeliveryRow[]> {
  const { rows } = await pool.query<DeliveryRow>(
    `UPDATE tenon.event_deliveries d
     SET attempts = attempts + 1, next_attempt_at = now() + $1 * interval '1 millisecond'
     FROM tenon.outbox o, unnest($2::uuid[], $3::text[], $4::text[]) AS due (event_id, plugin_key, handler)
     WHERE o.event_id = d.event_id AND d.state = 'waiting' AND d.next_attempt_at <= now()
       AND (d.event_id, d.plugin_key, d.handler) = (due.event_id, due.plugin_key, due.handler)
     RETURNING d.*, o.name, o.source, o.payload, o.created_at, o.id AS position`,
    [claimMs, due.map((row) => row.event_id), due.map((row) => row.plugin_key), due.map((row) => row.handler)],
  )
  return rows.sort((a, b) => Number(a.position) - Number(b.position))
}

/** Rejects a while after the signal, for what does not heed it. */
function cutOff(signal: AbortSignal, afterMs: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    const begin = () => setTimeout(() => reject(signal.reason as Error), afterMs).unref()
    if (signal.aborted) begin()
    else signal.addEventListener('abort', begin, { once: true })
  })
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
    ...(row.settled === null ? {} : { settled: row.settled }),
  }
}
