import { PluginInstallationStatus as Status, type RunError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Jobs } from '../jobs/jobs.js'
import { toRunJson, type Run } from '../jobs/run.js'
import type { TenantScope } from '../migrations/index.js'
import { storableJson } from '../migrations/sql-text.js'
import type { InstallationStore } from './installation-store.js'

/** Something that goes on failing, and what to do about it. */
export interface Alert {
  pluginKey: string
  plugin: string
  installationId: number
  /** What fails. */
  subject: { kind: 'action'; action: string; title: string; runId: string } | ConnectionSubject
  /** How often in a row. */
  failures: number
  error: RunError
  lastFailedAt: string
}

interface ConnectionSubject {
  kind: 'connection'
  connectionId: number
  account: string
}

export interface Alerts {
  list(tenant: TenantScope): Promise<Alert[]>
  /** Announces to the organization, once, that something goes on failing, and that it works again. */
  noteRun(run: Run, failures: number): Promise<void>
}

interface AlertsOptions {
  pool: Pool
  jobs: () => Pick<Jobs, 'failing' | 'limits'>
  store: Pick<InstallationStore, 'list'>
  /** Connections whose sign-in is no longer accepted. */
  connectionsToRenew: (
    tenant: TenantScope,
  ) => Promise<
    { id: number; pluginKey: string; account: { name: string }; provider: string; needsReauthSince: Date | null }[]
  >
}

/** Told again after so many failures more: a day of an hourly sync. */
const repeatAfter = 24

export function createAlerts({ pool, jobs, store, connectionsToRenew }: AlertsOptions): Alerts {
  return {
    async list(tenant) {
      const installations = new Map(
        (await store.list(tenant))
          .filter(({ status }) => status === Status.INSTALLED || status === Status.UPDATING)
          .map((installation) => [installation.pluginKey, installation]),
      )
      const about = (pluginKey: string) => {
        const installation = installations.get(pluginKey)
        return (
          installation && {
            pluginKey,
            plugin: installation.manifest?.displayName ?? pluginKey,
            installationId: installation.id,
          }
        )
      }
      const failing = await jobs().failing(tenant.organizationId, jobs().limits.failuresToTell)
      const ofRuns = failing.flatMap(({ run, failures }): Alert[] => {
        const base = about(run.pluginKey)
        const { id, action, title, error, finishedAt } = toRunJson(run)
        if (!base || !error || finishedAt === null) return []
        return [
          { ...base, subject: { kind: 'action', action, title, runId: id }, failures, error, lastFailedAt: finishedAt },
        ]
      })
      const ofConnections = (await connectionsToRenew(tenant)).flatMap(
        ({ id, pluginKey, account, provider, needsReauthSince }): Alert[] => {
          const base = about(pluginKey)
          if (!base || !needsReauthSince) return []
          const error: RunError = {
            code: 'CONNECTION_NEEDS_REAUTH',
            kind: 'configuration',
            message: `${provider} no longer accepts the sign-in of ${account.name}.`,
            nextStep: 'Open the connections of the plugin and sign in to the service again.',
          }
          const subject: ConnectionSubject = { kind: 'connection', connectionId: id, account: account.name }
          return [{ ...base, subject, failures: 1, error, lastFailedAt: needsReauthSince.toISOString() }]
        },
      )
      return [...ofRuns, ...ofConnections]
    },

    async noteRun(run, failures) {
      if (run.kind !== 'sync' && run.kind !== 'action') return
      const { failuresToTell } = jobs().limits
      const isNews =
        run.state === 'failed' && failures >= failuresToTell && (failures - failuresToTell) % repeatAfter === 0
      const isOver = run.state === 'succeeded' && failures >= failuresToTell
      if (!isNews && !isOver) return
      const { id, organizationId, installationId, pluginKey, action, title } = run
      const payload = { pluginKey, installationId, action, title, runId: id, failures, error: toRunJson(run).error }
      await pool.query(
        `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES ($1, 'host', $2, $3)`,
        [organizationId, isNews ? 'plugin.failing' : 'plugin.recovered', storableJson(payload)],
      )
    },
  }
}
