import { PluginInstallationStatus as Status, TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import type { Blocks } from '../operator/blocks.js'
import type { KeptLine, LineFilter, LineTail, LogPage, Records } from '../records/index.js'
import type { Jobs } from '../jobs/jobs.js'
import type { Runtime, RuntimeLimits } from '../runtime/index.js'
import type { OwnedTable, RoleUse, Tenancy } from '../tenancy/index.js'
import type { UploadStore } from '../uploads/index.js'
import { healthOf, type HealthJson } from './health.js'
import type { Installation, InstallationStore } from './installation-store.js'
import type { GrantPermissions, PermissionsJson } from './permissions.js'
import type { PluginRoles } from './plugin-roles.js'
import { subjectOf } from './subject.js'

/** One line of the history of a plugin, as the API shows it. */
export interface ActivityJson {
  id: number
  at: string
  pluginKey: string
  /** Null: the platform, for example after a crash. */
  userId: number | null
  action: string
  outcome: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  message: string | null
}

interface Page {
  page: number
  pageSize: number
}

/**
 * What an admin sees of one installed plugin: what it printed, what was done to it, how it is, and what it may.
 * Each @throws TenonError INSTALLATION_NOT_FOUND
 */
export interface Observations {
  logs(tenantId: string, id: number, filter: LogPage): Promise<{ items: KeptLine[]; total: number }>
  /** @throws TenonError TAIL_LIMIT */
  tail(
    tenantId: string,
    id: number,
    filter: LineFilter & { afterId?: number | undefined },
    signal: AbortSignal,
  ): Promise<LineTail>
  /** Of the plugin, earlier installations of it included; the newest first. */
  activity(tenantId: string, id: number, page: Page): Promise<{ items: ActivityJson[]; total: number }>
  /** Of all plugins of the organization, those that are gone included; the newest first. */
  activityOfAll(tenantId: string, page: Page): Promise<{ items: ActivityJson[]; total: number }>
  health(tenantId: string, id: number): Promise<HealthJson>
  /** The tables that go when its data is erased, by name. */
  tables(tenantId: string, id: number): Promise<OwnedTable[]>
  permissions(tenantId: string, id: number): Promise<PermissionsJson>
  grant(tenantId: string, id: number, userId: number, granted: readonly string[]): Promise<PermissionsJson>
}

interface ObservationsOptions {
  pool: Pool
  store: InstallationStore
  records: Records
  runtime: Pick<Runtime, 'healthOf' | 'refreshNetworkUse' | 'status'>
  /** Of the runtime. */
  limits: RuntimeLimits
  tenancy: Pick<Tenancy, 'limits'>
  jobs: Pick<Jobs, 'load' | 'limits'>
  uploads: Pick<UploadStore, 'heldBytes' | 'limits'>
  blocks: Pick<Blocks, 'find'>
  permissions: GrantPermissions
  roles: Pick<PluginRoles, 'tables' | 'use'>
  tenantOf: (tenantId: string) => Promise<TenantScope>
}

export function createObservations(options: ObservationsOptions): Observations {
  const { pool, store, records, permissions, roles, jobs, uploads } = options
  const limits = {
    runtime: options.limits,
    tenancy: options.tenancy.limits,
    jobs: jobs.limits,
    records: records.limits,
    uploads: uploads.limits,
  }

  async function find(tenantId: string, id: number) {
    const tenant = await options.tenantOf(tenantId)
    const installation = await store.find(tenant, id)
    if (!installation) throw new TenonError('INSTALLATION_NOT_FOUND')
    const owner = { organizationId: tenant.organizationId, pluginKey: installation.pluginKey }
    return { tenant, installation, owner }
  }

  async function history(where: string, values: unknown[], { page, pageSize }: Page) {
    const [items, count] = await Promise.all([
      pool.query<ActivityRow>(
        `SELECT id, occurred_at, plugin_key, user_id, action, outcome, before, after, message FROM tenon.plugin_events
         WHERE ${where} ORDER BY id DESC LIMIT $${values.length + 1} OFFSET $${values.length + 2}`,
        [...values, pageSize, (page - 1) * pageSize],
      ),
      pool.query<{ total: string }>(`SELECT count(*) AS total FROM tenon.plugin_events WHERE ${where}`, values),
    ])
    return { items: items.rows.map(toActivity), total: Number(count.rows[0]?.total ?? 0) }
  }

  /** Since when the row says what it says; the history knows it better than the time of the last change. */
  async function settledAt({ organizationId }: TenantScope, { pluginKey, status, updatedAt }: Installation) {
    const actions: Partial<Record<Status, string>> = { [Status.DISABLED]: 'disable', [Status.FAILED]: 'install' }
    const { rows } = await pool.query<{ at: Date | null }>(
      `SELECT max(occurred_at) AS at FROM tenon.plugin_events WHERE organization_id = $1 AND plugin_key = $2 AND action = $3`,
      [organizationId, pluginKey, actions[status] ?? ''],
    )
    return rows[0]?.at ?? updatedAt
  }

  async function databaseUse(tenant: TenantScope, installation: Installation): Promise<RoleUse> {
    const subject = subjectOf(tenant, installation)
    return subject ? roles.use(subject) : { connections: 0, longestStatement: undefined }
  }

  return {
    async logs(tenantId, id, filter) {
      return records.log.read((await find(tenantId, id)).owner, filter)
    },
    async tail(tenantId, id, filter, signal) {
      return records.log.tail((await find(tenantId, id)).owner, filter, signal)
    },

    async activity(tenantId, id, page) {
      const { organizationId, pluginKey } = (await find(tenantId, id)).owner
      return history('organization_id = $1 AND plugin_key = $2', [organizationId, pluginKey], page)
    },
    async activityOfAll(tenantId, page) {
      const { organizationId } = await options.tenantOf(tenantId)
      return history('organization_id = $1', [organizationId], page)
    },

    async health(tenantId, id) {
      const { tenant, installation, owner } = await find(tenantId, id)
      const { organizationId } = tenant
      const [calls, hours, ends, since, database, runs, keptLines, heldBytes] = await Promise.all([
        records.usage.callsOf(owner, 24),
        records.usage.callsByHour(owner, 24),
        records.usage.processEndsOf(owner),
        settledAt(tenant, installation),
        databaseUse(tenant, installation),
        jobs.load(organizationId),
        records.log.count(owner),
        uploads.heldBytes(organizationId),
        options.runtime.refreshNetworkUse(tenant.schema, installation.pluginKey),
      ])
      const { pluginKey, digest } = installation
      return healthOf({
        installation,
        settledAt: since,
        block: options.blocks.find({ pluginKey, digest: digest ?? undefined }),
        seen: options.runtime.healthOf(tenant.schema, pluginKey),
        processes: options.runtime
          .status()
          .processes.filter((one) => one.tenantId === tenant.schema && one.pluginKey === pluginKey),
        limits,
        database,
        runs,
        keptLines,
        heldBytes,
        calls,
        hours,
        ends,
      })
    },

    async tables(tenantId, id) {
      const { tenant, installation } = await find(tenantId, id)
      const subject = subjectOf(tenant, installation)
      return subject ? roles.tables(subject) : []
    },

    async permissions(tenantId, id) {
      const { tenant, installation } = await find(tenantId, id)
      return permissions.list(tenant, installation)
    },
    async grant(tenantId, id, userId, granted) {
      const { tenant } = await find(tenantId, id)
      return permissions.list(tenant, await permissions.grant({ tenant, id, userId, granted }))
    },
  }
}

interface ActivityRow {
  id: string
  occurred_at: Date
  plugin_key: string
  user_id: number | null
  action: string
  outcome: string
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  message: string | null
}

function toActivity(row: ActivityRow): ActivityJson {
  return {
    id: Number(row.id),
    at: row.occurred_at.toISOString(),
    pluginKey: row.plugin_key,
    userId: row.user_id,
    action: row.action,
    outcome: row.outcome,
    before: row.before,
    after: row.after,
    message: row.message,
  }
}
