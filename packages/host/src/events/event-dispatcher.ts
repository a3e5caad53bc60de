import type { Pool } from 'pg'
import type { Notifications } from '../notifications/index.js'
import { createDeliveries, type Deliver, type DeliveryEnd, type DeliveryTimes } from './deliveries.js'
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
  times?: Partial<DispatcherTimes>
}

interface DispatcherTimes extends DeliveryTimes {
  /** Between two looks at what was missed and what is due for another attempt, in milliseconds. */
  pollMs: number
}

export interface EventDispatcher {
  start(): void
  /** Finishes the deliveries in flight, up to eight seconds, and stops. */
  stop(): Promise<void>
}

const defaultTimes: DispatcherTimes = {
  // A notification wakes the dispatcher at once; this is for the rest.
  pollMs: 2_000,
  // Longer than its parts by default: a place, a start, a load, a turn, the call itself.
  longestDeliveryMs: 150_000,
  stopMs: 8_000,
  // What a plugin gets for tidying up, and what finding out takes whether it still answers.
  cutOffMs: 3_500,
  claimMarginMs: 30_000,
}
const pruneIntervalMs = 60 * 60_000

/** Takes events from the outbox and delivers each to every plugin that asked for it, at least once. */
export function createEventDispatcher(options: EventDispatcherOptions): EventDispatcher {
  const { pool, notifications, subscribersOf, deliver, onEnd = () => Promise.resolve(), log } = options
  const times = { ...defaultTimes, ...options.times }
  const onError = (error: unknown) => log('events-failed', { reason: messageOf(error) })
  const deliveries = createDeliveries({ pool, deliver, onEnd, log, ...times })
  const fanOut = createFanOut({ pool, subscribersOf, log, pauseMs: times.pollMs, onDeliveries: deliveries.wake })
  let stopping = new AbortController()
  const fanOutRounds = createRounds(() => fanOut(stopping.signal), onError)
  const pruneRounds = createRounds(() => pruneEvents(pool), onError)
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
      timers = [setInterval(wake, times.pollMs), setInterval(pruneRounds.wake, pruneIntervalMs)]
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
