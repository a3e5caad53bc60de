import { TenonError } from '@tenon/contract'
import type { TenantScope } from '../migrations/index.js'
import type { InstallationStore } from './installation-store.js'

/** How long a claim lives without a heartbeat, where the operator sets nothing else. */
export const defaultClaimMs = 20_000

/** Three heartbeats may be missed before another replica takes over. */
const heartbeatsPerClaim = 4

/** Does work under a claim that has been taken, with a heartbeat. `signal` fires when the claim is lost. */
export async function underLease<Result>(
  store: InstallationStore,
  tenant: TenantScope,
  id: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const timer = setInterval(() => {
    store.renew(tenant, id).then(
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
