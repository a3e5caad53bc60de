import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { TenantScope } from '../migrations/index.js'
import type { Runtime } from '../runtime/index.js'
import type { History } from './history.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { disabled } from './stop-reasons.js'

interface SwitchOptions {
  store: InstallationStore
  runtime: Pick<Runtime, 'stopPlugin' | 'reset'>
  history: History
}

/** Stops a plugin without removing anything of it, or lets it work again. */
export type SwitchPlugin = (request: {
  tenant: TenantScope
  id: number
  userId: number
  enabled: boolean
}) => Promise<Installation>

export function createSwitchPlugin({ store, runtime, history }: SwitchOptions): SwitchPlugin {
  return async ({ tenant, id, userId, enabled }) => {
    const [from, to] = enabled ? [Status.DISABLED, Status.INSTALLED] : [Status.INSTALLED, Status.DISABLED]
    const { claim } = await store.claim(tenant, id, [from])
    const settled = await store.settle(claim, { status: to })
    const { pluginKey } = settled
    // After the row, so that no call starts the process again.
    if (!enabled) await runtime.stopPlugin(tenant.schema, pluginKey, disabled)
    else await runtime.reset(tenant.schema, pluginKey)
    const action = enabled ? 'enable' : 'disable'
    await history.record(tenant, { pluginKey, installationId: id, userId, action, outcome: 'done' })
    return settled
  }
}
