import { TenonError } from '@tenon/contract'
import type { Claim, InstallationStore } from './installation-store.js'

/** How long a claim lives without a heartbeat, where the operator sets nothing else. */
export const defaultClaimMs = 20_000

/** Three heartbeats may be missed before another replica takes over. */
const heartbeatsPerClaim = 4

/** Does work under a claim that has been taken, with a heartbeat. `signal` fires when the claim is lost. */
export async function underLease<Result>(
  store: InstallationStore,
  claim: Claim,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const timer = setInterval(() => {
    store.renew(claim).then(
      (alive) => alive || controller.abort(new TenonError('INTERRUPTED')),
      // The database may be away for a moment; the claim outlives two missed heartbeats.
      () => undefined,
    )
  }, store.claimMs / heartbeatsPerClaim)
  try {
    return await work(controller.signal)
  } finally {
    clearInterval(timer)
  }
}

/**
 * To be asked before each step that cannot be taken back: the claim may have gone to another server since the last
 * heartbeat, and the row may be a new installation by now. Starts the life of the claim anew.
 *
 * @throws TenonError INTERRUPTED when the claim was lost
 */
export async function assertHeld(store: InstallationStore, claim: Claim, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (!(await store.renew(claim))) throw new TenonError('INTERRUPTED')
}
