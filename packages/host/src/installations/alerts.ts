import { PluginInstallationStatus as Status, type RunError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Connection } from '../connections/connection-store.js'
import { DeliveryFailure } from '../events/delivery-failure.js'
import type { DeliveryEnd } from '../events/event-dispatcher.js'
import type { Jobs } from '../jobs/jobs.js'
import { failureOf } from '../jobs/run-failure.js'
import { toRunJson, type Run } from '../jobs/run.js'
import type { TenantScope } from '../migrations/index.js'
import { storableJson } from '../migrations/sql-text.js'
import type { DeliveryStreaks } from './delivery-streaks.js'
import type { InstallationStore } from './installation-store.js'

/** Something that goes on failing, and what to do about it. */
export interface Alert {
  pluginKey: string
  plugin: string
  installationId: number
  /** What fails. */
  subject: { kind: 'action'; action: string; title: string; runId: string } | ConnectionSubject | EventsSubject
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

interface EventsSubject {
  kind: 'events'
  /** Name of the last one that it did not take. */
  event: string
}

export interface Alerts {
  list(tenant: TenantScope): Promise<Alert[]>
  /** Announces to the organization, once, that something goes on failing, and that it works again. */
  noteRun(run: Run, failures: number): Promise<void>
  /** The same of events that a plugin was to take. */
  noteDelivery(end: DeliveryEnd): Promise<void>
}

interface AlertsOptions {
  pool: Pool
  jobs: () => Pick<Jobs, 'failing' | 'limits'>
  store: Pick<InstallationStore, 'list' | 'findByKey'>
  streaks: DeliveryStreaks
  findTenant: (organizationId: number) => Promise<TenantScope | undefined>
  /** Connections whose sign-in is no longer accepted, or of which their plugin says that they do not work. */
  failingConnections: (tenant: TenantScope) => Promise<FailingConnection[]>
}

type FailingConnection = Pick<Connection, 'id' | 'account' | 'provider' | 'needsReauthSince' | 'problem'> & {
  pluginKey: string
}

/** Told again after so many failures more: a day of an hourly sync. */
const repeatAfter = 24

export function createAlerts({ pool, jobs, store, streaks, findTenant, failingConnections }: AlertsOptions): Alerts {
  const isToTell = (failures: number) => {
    const { failuresToTell } = jobs().limits
    return failures >= failuresToTell && (failures - failuresToTell) % repeatAfter === 0
  }
  const announce = (organizationId: number, name: 'plugin.failing' | 'plugin.recovered', payload: object) =>
    pool.query(`INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES ($1, 'host', $2, $3)`, [
      organizationId,
      name,
      storableJson(payload),
    ])

  async function noteFailure({ organizationId, pluginKey, event, failure }: DeliveryEnd): Promise<void> {
    const tenant = await findTenant(organizationId)
    const installation = tenant && (await store.findByKey(tenant, pluginKey))
    // A webhook, which shows its own failures, or a plugin that has gone.
    if (!installation) return
    const { id: installationId } = installation
    const error = errorOfDelivery(failure)
    const failures = await streaks.lengthen({ organizationId, pluginKey }, { installationId, event, error })
    if (!isToTell(failures)) return
    await announce(organizationId, 'plugin.failing', { pluginKey, installationId, event, failures, error })
  }

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
        if (base?.installationId !== run.installationId || !error || finishedAt === null) return []
        return [
          { ...base, subject: { kind: 'action', action, title, runId: id }, failures, error, lastFailedAt: finishedAt },
        ]
      })
      const ofConnections = (await failingConnections(tenant)).flatMap((connection): Alert[] => {
        const base = about(connection.pluginKey)
        const failure = failureOfConnection(connection)
        if (!base || !failure) return []
        const { id: connectionId, account } = connection
        const subject: ConnectionSubject = { kind: 'connection', connectionId, account: account.name }
        return [{ ...base, subject, failures: 1, error: failure.error, lastFailedAt: failure.since.toISOString() }]
      })
      const refused = await streaks.list(tenant.organizationId, jobs().limits.failuresToTell)
      const ofEvents = refused.flatMap(
        ({ pluginKey, installationId, event, failures, error, lastFailedAt }): Alert[] => {
          const base = about(pluginKey)
          if (base?.installationId !== installationId) return []
          const subject: EventsSubject = { kind: 'events', event }
          return [{ ...base, subject, failures, error, lastFailedAt: lastFailedAt.toISOString() }]
        },
      )
      return [...ofRuns, ...ofConnections, ...ofEvents]
    },

    async noteRun(run, failures) {
      if (run.kind !== 'sync' && run.kind !== 'action') return
      const isNews = run.state === 'failed' && isToTell(failures)
      const isOver = run.state === 'succeeded' && failures >= jobs().limits.failuresToTell
      if (!isNews && !isOver) return
      const { id, organizationId, installationId, pluginKey, action, title } = run
      const payload = { pluginKey, installationId, action, title, runId: id, failures, error: toRunJson(run).error }
      await announce(organizationId, isNews ? 'plugin.failing' : 'plugin.recovered', payload)
    },

    async noteDelivery(end) {
      if ('failure' in end) return noteFailure(end)
      const { organizationId, pluginKey } = end
      const ended = await streaks.end({ organizationId, pluginKey })
      if (!ended || ended.failures < jobs().limits.failuresToTell) return
      const { installationId, event, failures, error } = ended
      await announce(organizationId, 'plugin.recovered', { pluginKey, installationId, event, failures, error })
    },
  }
}

function failureOfConnection({
  account,
  provider,
  needsReauthSince,
  problem,
}: FailingConnection): { error: RunError; since: Date } | undefined {
  const kind = 'configuration'
  if (needsReauthSince) {
    const message = `${provider} no longer accepts the sign-in of ${account.name}.`
    const nextStep = 'Open the connections of the plugin and sign in to the service again.'
    return { error: { code: 'CONNECTION_NEEDS_REAUTH', kind, message, nextStep }, since: needsReauthSince }
  }
  if (!problem) return undefined
  const nextStep = 'Open the connections of the plugin and do what is said there, or switch this one off.'
  const message = `${account.name}: ${problem.message}`
  return { error: { code: 'PLUGIN_REFUSED', kind, message, nextStep }, since: problem.since }
}

/** For whom it is, and what that person can do; a run is begun again, an event is sent again. */
function errorOfDelivery(failure: unknown): RunError {
  const isInVain = failure instanceof DeliveryFailure && !failure.retryable
  const { code, kind, message } = failureOf(failure instanceof DeliveryFailure ? failure.cause : failure)
  return isInVain
    ? {
        code,
        kind: 'configuration',
        message,
        nextStep: 'Check the configuration and the connections of the plugin, then send again what failed.',
      }
    : { code, kind, message, nextStep: 'Look at the events and the log of the plugin; what failed can be sent again.' }
}
