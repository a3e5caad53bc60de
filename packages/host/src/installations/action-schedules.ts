import { PluginInstallationStatus as Status, TenonError } from '@tenon/contract'
import type { NewRun } from '../jobs/run.js'
import type { Schedule, ScheduleOwner, Schedules } from '../jobs/schedules.js'
import type { TenantScope } from '../migrations/index.js'
import type { Notifications } from '../notifications/index.js'
import type { History } from './history.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { workOf } from './long-work.js'

/** A schedule as people see it. */
export interface ScheduleJson {
  action: string
  title: string
  /** Null where nothing is planned. */
  cron: string | null
  timeZone: string
  enabled: boolean
  isCustom: boolean
  /** What the plugin proposes. */
  proposed: string | null
  nextRunAt: string | null
  lastRunAt: string | null
}

export interface ActionSchedules {
  /** Every declared action that may have a schedule. @throws TenonError INSTALLATION_NOT_FOUND */
  list(tenant: TenantScope, installationId: number): Promise<ScheduleJson[]>
  /** @throws TenonError INSTALLATION_NOT_FOUND, NOT_FOUND, PERMISSION_DENIED, VALIDATION_FAILED */
  set(
    tenant: TenantScope,
    installationId: number,
    change: { action: string; cron: string; timeZone: string; enabled: boolean; userId: number },
  ): Promise<ScheduleJson>
  /** Back to what the plugin proposes. */
  reset(tenant: TenantScope, installationId: number, action: string, userId: number): Promise<ScheduleJson>
  /** Makes the rows of every plugin fit, once; from then on that follows each change. */
  fitAll(): Promise<void>
}

interface ActionSchedulesOptions {
  schedules: Schedules
  store: InstallationStore
  notifications: Pick<Notifications, 'subscribe'>
  history: History
  tenantOf: (schema: string) => Promise<TenantScope>
  listTenants: () => Promise<TenantScope[]>
  log: (event: string, fields: Record<string, unknown>) => void
}

/** The schedules that manifests propose and admins change. */
export function createActionSchedules(options: ActionSchedulesOptions): ActionSchedules {
  const { schedules, store, notifications, history, log } = options

  const problem = (error: unknown) => log('schedules-failed', { reason: String(error) })
  notifications.subscribe('tenon_installations', {
    heard(payload) {
      const [schema = '', pluginKey = ''] = payload.split(' ')
      options
        .tenantOf(schema)
        .then(async (tenant) => fit(tenant, pluginKey, await store.findByKey(tenant, pluginKey)))
        .catch(problem)
    },
  })

  async function fit(tenant: TenantScope, pluginKey: string, installation: Installation | undefined): Promise<void> {
    const owner = { organizationId: tenant.organizationId, pluginKey }
    const actions = installation ? schedulable(installation) : []
    await schedules.fit(owner, {
      possible: actions.map(({ id }) => id),
      proposed: actions.flatMap(({ id, schedule }) => (schedule === undefined ? [] : [{ action: id, cron: schedule }])),
    })
  }

  async function find(tenant: TenantScope, id: number): Promise<Installation> {
    const installation = await store.find(tenant, id)
    if (!installation) throw new TenonError('INSTALLATION_NOT_FOUND', { id })
    return installation
  }

  async function listOf(tenant: TenantScope, installation: Installation): Promise<ScheduleJson[]> {
    const { pluginKey } = installation
    await fit(tenant, pluginKey, installation)
    const planned = await schedules.list({ organizationId: tenant.organizationId, pluginKey })
    return schedulable(installation).map((action) =>
      toJson(
        action,
        planned.find((schedule) => schedule.action === action.id),
      ),
    )
  }

  async function one(tenant: TenantScope, installation: Installation, action: string): Promise<ScheduleJson> {
    const found = (await listOf(tenant, installation)).find((schedule) => schedule.action === action)
    if (found) return found
    const plugin = installation.manifest?.displayName ?? installation.pluginKey
    const isDeclared = installation.manifest?.contributes?.actions.some(({ id }) => id === action) ?? false
    if (isDeclared) throw new TenonError('PERMISSION_DENIED', { plugin, permission: 'running on a schedule' })
    throw new TenonError('NOT_FOUND', { message: `${plugin} has no action "${action}".` })
  }

  const note = (tenant: TenantScope, { id, pluginKey }: Installation, userId: number, after: Record<string, unknown>) =>
    history.record(tenant, { pluginKey, installationId: id, userId, action: 'schedule', outcome: 'done', after })

  return {
    list: async (tenant, id) => listOf(tenant, await find(tenant, id)),
    async set(tenant, id, { action, userId, ...change }) {
      const installation = await find(tenant, id)
      await one(tenant, installation, action)
      const owner = { organizationId: tenant.organizationId, pluginKey: installation.pluginKey }
      await schedules.set(owner, { action, userId, ...change })
      await note(tenant, installation, userId, { action, ...change })
      return one(tenant, installation, action)
    },
    async reset(tenant, id, action, userId) {
      const installation = await find(tenant, id)
      await one(tenant, installation, action)
      await schedules.remove({ organizationId: tenant.organizationId, pluginKey: installation.pluginKey }, action)
      await note(tenant, installation, userId, { action, proposed: true })
      return one(tenant, installation, action)
    },
    async fitAll() {
      for (const tenant of await options.listTenants()) {
        try {
          for (const installation of await store.list(tenant)) await fit(tenant, installation.pluginKey, installation)
        } catch (error) {
          problem(error)
        }
      }
    },
  }
}

/** What is to be run when a schedule is due. */
export function createScheduledRuns({
  store,
  findTenant,
  maxAttempts,
  onRun,
}: {
  store: Pick<InstallationStore, 'findByKey'>
  findTenant: (organizationId: number) => Promise<TenantScope | undefined>
  maxAttempts: number
  /** Called for each run that a schedule begins. */
  onRun?: (source: ScheduleOwner & { installationId: number }) => void
}) {
  return async ({ organizationId, pluginKey }: ScheduleOwner, actionId: string): Promise<NewRun | undefined> => {
    const tenant = await findTenant(organizationId)
    const installation = tenant && (await store.findByKey(tenant, pluginKey))
    if (!installation || installation.status !== Status.INSTALLED) return undefined
    const action = schedulable(installation).find(({ id }) => id === actionId)
    if (!action) return undefined
    const { kind, title, isRepeatable } = workOf(action)
    const [method = 'POST', path = '/'] = action.route.split(' ')
    onRun?.({ organizationId, pluginKey, installationId: installation.id })
    return {
      organizationId,
      installationId: installation.id,
      pluginKey,
      kind,
      action: actionId,
      title,
      trigger: 'schedule',
      input: { method, path },
      maxAttempts,
      isRepeatable,
    }
  }
}

/** The actions that may run by themselves: declared, granted, and with nothing in their path to fill in. */
function schedulable({ status, manifest }: Installation) {
  const settled = [Status.INSTALLED, Status.DISABLED, Status.UPDATING].includes(status)
  if (!settled || !manifest?.permissions?.schedule) return []
  return (manifest.contributes?.actions ?? []).filter(({ route }) => !route.startsWith('GET ') && !route.includes(':'))
}

function toJson(action: ReturnType<typeof schedulable>[number], planned: Schedule | undefined): ScheduleJson {
  return {
    action: action.id,
    title: action.title,
    cron: planned?.cron ?? null,
    timeZone: planned?.timeZone ?? 'UTC',
    enabled: planned?.enabled ?? false,
    isCustom: planned?.isCustom ?? false,
    proposed: action.schedule ?? null,
    nextRunAt: planned?.enabled ? planned.nextRunAt.toISOString() : null,
    lastRunAt: planned?.lastRunAt?.toISOString() ?? null,
  }
}
