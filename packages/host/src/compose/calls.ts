import { randomUUID } from 'node:crypto'
import { createConnectionStore } from '../connections/connection-store.js'
import { createRefreshingConnections } from '../connections/refreshing-connections.js'
import { createRevokingConnections } from '../connections/revoking-connections.js'
import { environmentFor } from '../installations/granted-environment.js'
import { createHostCalls } from '../installations/host-calls.js'
import { createInstallationStore } from '../installations/installation-store.js'
import { createKnownInstallations } from '../installations/known-installations.js'
import { networkPolicyFor } from '../installations/network-policy.js'
import { createPluginCaller } from '../installations/plugin-caller.js'
import { createPluginRoles } from '../installations/plugin-roles.js'
import { createRequestStore } from '../installations/request-store.js'
import { createStrayProcesses } from '../installations/stray-processes.js'
import { createBlocks } from '../operator/blocks.js'
import { createUploadStore, resolveUploadLimits } from '../uploads/index.js'
import type { Foundation } from './foundation.js'
import type { Marketplace } from './marketplace.js'
import type { Memory } from './memory.js'
import type { Processes } from './processes.js'

export type Calls = Awaited<ReturnType<typeof wireCalls>>

/** From a process to an answer: what is installed, what it may use, and who calls it. */
export async function wireCalls(
  foundation: Foundation,
  { isPrivateAllowed, fetch, egressFetch, artifacts }: Marketplace,
  { records, meter, secrets }: Memory,
  { runtime }: Processes,
) {
  const { options, pool, notifications, ceiling, claimMs, sealer, tenancy, tenants, logEvent: log } = foundation
  const requestStore = createRequestStore({ pool })
  const store = createKnownInstallations({
    store: createInstallationStore({ pool, replicaId: randomUUID(), claimMs, onInstalled: requestStore.fulfil }),
    notifications,
  })
  const blocks = createBlocks({
    pool,
    notifications,
    stopRunning: (target) => runtime.stopMatching(target, { kind: 'stopped', text: 'an operator has blocked it' }),
    log,
  })
  await blocks.refresh()
  const connections = createRefreshingConnections({
    store: createRevokingConnections({ store: createConnectionStore({ pool, sealer }), ceiling, fetch, log }),
    ceiling,
    fetch,
    log,
  })
  const uploadLimits = resolveUploadLimits(options.limits?.uploads)
  const uploads = createUploadStore({ pool, limits: uploadLimits })
  const roles = createPluginRoles({ tenancy, pool })
  const caller = createPluginCaller({
    runtime,
    tenancy,
    roles,
    artifacts,
    networkPolicy: (manifest, configuration) =>
      networkPolicyFor({
        permissions: manifest.permissions?.network,
        configuration,
        isExempt: isPrivateAllowed,
        undeclaredMayReachAnyHost: options.egress?.undeclaredMayReachAnyHost ?? false,
      }),
    environment: (manifest) => environmentFor(manifest, ceiling),
    hostCalls: createHostCalls({
      connections,
      sealer: foundation.pluginSealer,
      ceiling,
      fetch: egressFetch,
      meter,
      uploads,
      log,
    }),
    store,
    blocks,
    records,
    meter,
    secrets,
    log,
  })
  const strayProcesses = createStrayProcesses({ store, runtime, notifications, tenantOf: tenants.tenantOf, log })
  return { store, requestStore, blocks, connections, uploadLimits, uploads, roles, caller, strayProcesses }
}
