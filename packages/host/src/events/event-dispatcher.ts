import type { Pool } from 'pg'
import type { Notifications } from '../notifications/index.js'
import { limitsOf } from '../limit-table.js'
import { createDeliveries, type Deliver, type DeliveryEnd } from './deliveries.js'
import { type EventLimits, eventLimitTable } from './event-limits.js'
import { createFanOut } from './fan-out.js'
import { messageOf } from './message-of.js'
import { pruneEvents } from './prune.js'
import { createRounds } from './rounds.js'
import type { Subscriber } from './subscriber.js'

export type { DeliveryEnd } from './deliveries.js'
export type { Subscriber } from './subscriber.js'

interface EventDispatcherOptions {
  pool: Pool
  /** They wake the dispatcher; without them it only looks now and then. */
  notifications: Pick<Notifications, 'subscribe'>
  /** Who, in this organization, asked for events of this name. Nobody when the organization is gone. */
  subscribersOf: (organizationId: number, eventName: string) => Promise<Subscriber[]>
  /**
   * Hands one event to one plugin until the signal cuts it off; throws when that failed and should be tried again, unless
   * it is a DeliveryFailure that says otherwise.
   */
  deliver: Deliver
  /** Called when a delivery was taken, or has failed for good. */
  onEnd?: (end: DeliveryEnd) => Promise<void>
  log: (event: string, fields: Record<string, unknown>) => void
  limits?: Partial<EventLimits>
}

export interface EventDispatcher {
  start(): void
  /** Finishes the deliveries in flight, up to `stopMs`, and stops. */
  stop(): Promise<void>
}

const pruneIntervalMs = 60 * 60_000

/** Takes events from the outbox and delivers each to every plugin that asked for it, at least once. */
export function createEventDispatcher(options: EventDispatcherOptions): EventDispatcher {
  const { pool, notifications, subscribersOf, deliver, onEnd = () => Promise.resolve(), log } = options
  const limits = limitsOf(eventLimitTable, options.limits)
  const onError = (error: unknown) => log('events-failed', { reason: messageOf(error) })
  const deliveries = createDeliveries({ pool, deliver, onEnd, log, limits })
  const fanOut = createFanOut({ pool, subscribersOf, log, pauseMs: limits.pollMs, onDeliveries: deliveries.wake })
  let stopping = new AbortController()
  const fanOutRounds = createRounds(() => fanOut(stopping.signal), onError)
  const pruneRounds = createRounds(() => pruneEvents(pool, limits), onError)
  notifications.subscribe('tenon_outbox', { heard: wake })
  let timers: NodeJS.Timeout[] = []

  function wake(): void {
    fanOutRounds.wake()
    // What is due already does not wait for what is new.
    deliveries.wake()
  }

  return {
    start() {
      stopping = new AbortController()
      deliveries.start()
      timers = [setInterval(wake, limits.pollMs), setInterval(pruneRounds.wake, pruneIntervalMs)]
      wake()
      pruneRounds.wake()
    },
    async stop() {
      stopping.abort()
      timers.forEach(clearInterval)
      await Promise.all([deliveries.stop(), fanOutRounds.ended(), pruneRounds.ended()])
    },
  }
}
