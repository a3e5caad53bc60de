import type { SeedContext } from '@tenon/sdk'
import type { Destination } from './destinations'
import { SlackError } from './slack-error'
import { type Notification, type Origin, slackMessage } from './slack-message'

/** Events whose deliveries are remembered. Only those that are tried again soon matter. */
const REMEMBERED_EVENTS = 1_000

/** Some of the workspaces did not get a message; the others did. */
export class DeliveryError extends Error {
  /** Whether trying again makes sense for any of them. */
  readonly retryable: boolean
  readonly delivered: number

  constructor(failures: readonly { destination: Destination; error: unknown }[], delivered: number) {
    super(failures.map(({ destination, error }) => `${destination.label}: ${reasonOf(error)}`).join(' '))
    this.name = 'DeliveryError'
    this.retryable = failures.some(({ error }) => !(error instanceof SlackError) || error.retryable)
    this.delivered = delivered
  }
}

/**
 * Posts to every destination, also when one of them fails, and then throws one {@link DeliveryError}. An event that is
 * delivered again because of that failure goes only to those that have not had it.
 */
export async function deliver(
  notification: Notification,
  origin: Origin,
  destinations: readonly Destination[],
  context: Partial<SeedContext> = {},
): Promise<number> {
  const message = slackMessage(notification, origin)
  const reached = reachedBy(origin.eventId)
  const failures: { destination: Destination; error: unknown }[] = []
  let delivered = 0
  for (const destination of destinations) {
    if (reached.has(destination.id)) continue
    try {
      await destination.post(message, context.signal)
      reached.add(destination.id)
      delivered += 1
    } catch (error) {
      context.signal?.throwIfAborted()
      context.log?.warn(`${destination.label}: ${reasonOf(error)}`)
      failures.push({ destination, error })
    }
  }
  if (failures.length > 0) throw new DeliveryError(failures, delivered)
  return delivered
}

const reachedByEvent = new Map<string, Set<string>>()

function reachedBy(eventId: string | undefined): Set<string> {
  if (eventId === undefined) return new Set()
  const reached = reachedByEvent.get(eventId) ?? new Set()
  reachedByEvent.set(eventId, reached)
  const oldest = reachedByEvent.keys().next().value
  if (reachedByEvent.size > REMEMBERED_EVENTS && oldest !== undefined) reachedByEvent.delete(oldest)
  return reached
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'failed'
}
