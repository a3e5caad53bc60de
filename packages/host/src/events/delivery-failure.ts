import { messageOf } from './message-of.js'

/** A delivery that failed, and what the subscriber said about the next one. */
export class DeliveryFailure extends Error {
  override readonly name = 'DeliveryFailure'
  /** False when it is in vain to try again. */
  readonly retryable: boolean
  /** What it need not do again then, as JSON. */
  readonly settled: string | undefined

  /** When the service that it is for wants to be asked again, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    cause: unknown,
    said: { retryable?: boolean | undefined; settled?: string | undefined; retryAfterMs?: number | undefined },
  ) {
    super(messageOf(cause), { cause })
    this.retryable = said.retryable ?? true
    this.settled = said.settled
    this.retryAfterMs = said.retryAfterMs
  }
}
