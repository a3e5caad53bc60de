import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { Notifications } from '../notifications/index.js'
import type { TenantScope } from '../migrations/index.js'
import type { Runtime } from '../runtime/index.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { grantsOf } from './plugin-caller.js'

interface StrayProcessesOptions {
  store: Pick<InstallationStore, 'findByKey'>
  runtime: Pick<Runtime, 'stopPlugin' | 'status'>
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
  const grantsInUse = (name: string): string[] =>
    runtime
      .status()
      .processes.filter(({ tenantId, pluginKey }) => `${tenantId} ${pluginKey}` === name)
      .map(({ grants }) => grants)

  async function lookAt(name: string): Promise<void> {
    const [tenantId = '', pluginKey = ''] = name.split(' ')
    const tenant = await tenantOf(tenantId).catch(() => undefined)
    const installation = tenant && (await store.findByKey(tenant, pluginKey))
    if (installation && mayRun.has(installation.status) && !isGrantedOtherwise(installation, grantsInUse(name))) return
    await runtime.stopPlugin(tenantId, pluginKey)
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

/** A process may hold what it was given under other grants. While these are being changed, the change ends it itself. */
function isGrantedOtherwise({ status, manifest }: Installation, inUse: readonly string[]): boolean {
  if (status !== Status.INSTALLED || manifest === null) return false
  const granted = grantsOf(manifest)
  return inUse.some((grants) => grants !== granted)
}
