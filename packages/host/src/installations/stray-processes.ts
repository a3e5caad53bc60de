import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { Notifications } from '../notifications/index.js'
import type { TenantScope } from '../migrations/index.js'
import type { Runtime } from '../runtime/index.js'
import type { InstallationStore } from './installation-store.js'

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
  /** With which grants a process was last seen: it may hold what it was given under others. */
  const grants = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> = Promise.resolve()

  const running = (): string[] => [
    ...new Set(runtime.status().processes.map(({ tenantId, pluginKey }) => `${tenantId} ${pluginKey}`)),
  ]

  async function lookAt(name: string): Promise<void> {
    const [tenantId = '', pluginKey = ''] = name.split(' ')
    const tenant = await tenantOf(tenantId).catch(() => undefined)
    const installation = tenant && (await store.findByKey(tenant, pluginKey))
    const granted = JSON.stringify(installation?.grants ?? null)
    const known = grants.get(name) ?? granted
    grants.set(name, granted)
    if (installation && mayRun.has(installation.status) && known === granted) return
    grants.delete(name)
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

  const lookAtAll = () => {
    const names = new Set(running())
    for (const name of grants.keys()) if (!names.has(name)) grants.delete(name)
    look(() => [...names])
  }
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
