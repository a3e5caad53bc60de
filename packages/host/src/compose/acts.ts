import { createOAuthStates } from '../connections/oauth-states.js'
import { createProofKeys } from '../connections/proof-key.js'
import { createConfigure } from '../installations/configure.js'
import { createConnections } from '../installations/connections.js'
import { createInstall } from '../installations/install.js'
import { createGrantPermissions } from '../installations/permissions.js'
import { createPluginService } from '../installations/plugin-service.js'
import { createRecovery } from '../installations/recovery.js'
import { createCallRoute } from '../installations/routes.js'
import { createSwitchPlugin } from '../installations/switch-plugin.js'
import { createUninstall } from '../installations/uninstall.js'
import { createUpdate } from '../installations/update.js'
import { dataKey } from '../secrets/data-keys.js'
import type { Calls } from './calls.js'
import type { Foundation } from './foundation.js'
import type { LongWork } from './long-work.js'
import type { Marketplace } from './marketplace.js'
import type { Memory } from './memory.js'
import type { Processes } from './processes.js'

export type Acts = Awaited<ReturnType<typeof wireActs>>

/** What people do with plugins, from install to uninstall, and what takes up again what a crash has left half-done. */
export async function wireActs(
  { options, pool, sealer, schemas, vault, ceiling, tenants, logEvent: log }: Foundation,
  { catalog, artifacts, fetch }: Marketplace,
  { records, history }: Memory,
  { runtime }: Processes,
  { store, connections, uploads, roles, caller, blocks }: Calls,
  { jobs, runs }: LongWork,
) {
  const uninstall = createUninstall({ runtime, roles, store, connections, vault, records, uploads, caller, history })
  const permissions = createGrantPermissions({ store, roles, runtime, usage: records.usage, history })
  const update = createUpdate({
    pool,
    catalog,
    artifacts,
    runtime,
    roles,
    store,
    caller,
    vault,
    history,
    ceiling,
    blocks,
  })
  const service = createPluginService({
    catalog,
    artifacts,
    store,
    vault,
    ceiling,
    blocks,
    tenantOf: tenants.tenantOf,
    install: createInstall({
      catalog,
      artifacts,
      runtime,
      roles,
      store,
      caller,
      history,
      ceiling,
      blocks,
      jobs,
      source: options.marketplace.location,
    }),
    uninstall,
    configure: createConfigure({ store, caller, vault, schemas, history }),
    connections: createConnections({
      installations: store,
      connections,
      states: createOAuthStates({ pool }),
      proofKeys: createProofKeys(await dataKey({ pool, sealer }, 'pkce')),
      caller,
      vault,
      schemas,
      history,
      ceiling,
      fetch,
      publicUrl: options.publicUrl ?? '',
      log,
    }),
    callRoute: createCallRoute({ store, caller, vault, runs }),
    switchPlugin: createSwitchPlugin({ store, runtime, history }),
    update,
  })
  const recovery = createRecovery({ store, roles, uninstall, permissions, update, history, log })
  return { service, permissions, recovery }
}
