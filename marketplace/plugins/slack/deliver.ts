import type { SeedContext } from '@tenon/sdk'
import type { Destination } from './destinations'
import { SlackError } from './slack-error'
import { type Notification, type Origin, slackMessage } from './slack-message'

/** Some of the workspaces did not get a message; the others did. */
export class DeliveryError extends Error {
  /** Whether trying again makes sense for any of them. */
  readonly retryable: boolean
  /** When the one that waits longest wants to be asked again, in milliseconds; undefined when none says so. */
  readonly retryAfterMs: number | undefined
  readonly delivered: number
  /** Ids of the destinations that have had it, now or earlier: the host gives them back with the next delivery. */
  readonly settled: readonly string[]
  /** Of each workspace that did not get it. */
  readonly errors: readonly unknown[]

  constructor(
    failures: readonly { destination: Destination; error: unknown }[],
    { delivered, settled }: { delivered: number; settled: readonly string[] },
  ) {
    super(failures.map(({ destination, error }) => `${destination.label}: ${reasonOf(error)}`).join(' '))
    this.name = 'DeliveryError'
    this.retryable = failures.some(({ error }) => !(error instanceof SlackError) || error.retryable)
    const waits = failures.map(({ error }) => (error instanceof SlackError ? (error.retryAfterMs ?? 0) : 0))
    this.retryAfterMs = Math.max(...waits) || undefined
    this.delivered = delivered
    this.settled = settled
    this.errors = failures.map(({ error }) => error)
  }
}

/**
 * Posts to every destination, also when one of them fails, and then throws one {@link DeliveryError}. Those that the
 * origin names as settled have had it.
 */
export async function deliver(
  notification: Partial<Notification>,
  origin: Origin,
  destinations: readonly Destination[],
  context: Partial<SeedContext> = {},
): Promise<number> {
  const message = slackMessage(notification, origin)
  const reached = new Set(Array.isArray(origin.settled) ? origin.settled.map(String) : [])
  const failures: { destination: Destination; error: unknown }[] = []
  let delivered = 0
  for (const destination of destinations.filter(({ id }) => !reached.has(id))) {
    try {
      context.signal?.throwIfAborted()
      await destination.post(message, context.signal)
      reached.add(destination.id)
      delivered += 1
    } catch (error) {
      context.log?.warn(`${destination.label}: ${reasonOf(error)}`)
      failures.push({ destination, error })
    }
  }
  if (failures.length > 0) throw new DeliveryError(failures, { delivered, settled: [...reached] })
  return delivered
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'failed'
}
