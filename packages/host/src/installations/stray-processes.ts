import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { Notifications } from '../notifications/index.js'
import type { TenantScope } from '../migrations/index.js'
import { grantsChanged, type Runtime, type StopReason } from '../runtime/index.js'
import type { InstallationStore } from './installation-store.js'
import { grantsOf } from './grants.js'
import { disabled, failed, removed } from './stop-reasons.js'

interface StrayProcessesOptions {
  store: Pick<InstallationStore, 'findByKey'>
  runtime: Pick<Runtime, 'stopMatching' | 'stopPlugin' | 'status'>
  notifications: Pick<Notifications, 'subscribe'>
  /** @throws for a schema that is no tenant's any more */
  tenantOf: (tenantId: string) => Promise<TenantScope>
  log: (event: string, fields: Record<string, unknown>) => void
  /** Between two looks at all processes, should a notification get lost; in milliseconds. */
  pollMs?: number
}

/** Ends processes of plugins that another replica has uninstalled, disabled, or granted something else. */
export interface StrayProcesses {
  start(): void
  stop(): Promise<void>
}

const mayRun = new Set([Status.INSTALLED, Status.INSTALLING, Status.UPDATING, Status.UNINSTALLING])

export function createStrayProcesses(options: StrayProcessesOptions): StrayProcesses {
  const { store, runtime, notifications, tenantOf, log, pollMs = 30_000 } = options
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const running = (): string[] => [
    ...new Set(runtime.status().processes.map(({ tenantId, pluginKey }) => `${tenantId} ${pluginKey}`)),
  ]
  async function lookAt(name: string): Promise<void> {
    const [tenantId = '', pluginKey = ''] = name.split(' ')
    // Before the row is read: what starts after a change of it fits the row.
    const processes = runtime
      .status()
      .processes.filter((one) => one.tenantId === tenantId && one.pluginKey === pluginKey)
    const tenant = await tenantOf(tenantId).catch(() => undefined)
    const installation = tenant && (await store.findByKey(tenant, pluginKey))
    if (!installation || !mayRun.has(installation.status)) {
      return runtime.stopPlugin(tenantId, pluginKey, reasonOf(installation?.status))
    }
    const earlier = new Set(processes.map(({ installationId }) => installationId))
    earlier.delete(installation.id)
    for (const installationId of earlier) await runtime.stopMatching({ tenantId, pluginKey, installationId }, removed)
    // While grants are being changed, the change ends the processes itself.
    if (installation.status !== Status.INSTALLED || installation.manifest === null) return
    const inUse = new Set(processes.map(({ grants }) => grants))
    inUse.delete(grantsOf(installation.manifest))
    for (const grants of inUse) await runtime.stopMatching({ tenantId, pluginKey, grants }, grantsChanged)
  }

  function look(names: () => readonly string[]): void {
    looking = looking
      .then(() => Promise.all(names().map(lookAt)))
      .then(
        () => undefined,
        (error: unknown) => log('stray-processes-failed', { reason: String(error) }),
      )
  }

  const lookAtAll = () => look(running)
  notifications.subscribe('tenon_installations', {
    heard: (name) => look(() => running().filter((one) => one === name)),
    missed: lookAtAll,
  })

  return {
    start() {
      timer = setInterval(lookAtAll, pollMs).unref()
    },
    async stop() {
      clearInterval(timer)
      await looking
    },
  }
}

function reasonOf(status: Status | undefined): StopReason {
  if (status === Status.DISABLED) return disabled
  return status === Status.FAILED ? failed : removed
}
