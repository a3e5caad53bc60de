import { permissionIds } from '@tenon/contract'
import { createActionSchedules, createScheduledRuns } from '../installations/action-schedules.js'
import { createAlerts } from '../installations/alerts.js'
import { createDeliveryStreaks } from '../installations/delivery-streaks.js'
import { createRequestedRuns } from '../installations/requested-runs.js'
import { createRuns, createRunWork } from '../installations/runs.js'
import { createJobs } from '../jobs/jobs.js'
import { createSchedules } from '../jobs/schedules.js'
import type { Calls } from './calls.js'
import type { Foundation } from './foundation.js'
import type { Memory } from './memory.js'
import type { Processes } from './processes.js'

export type LongWork = ReturnType<typeof wireLongWork>

/** What takes longer than a request, what is done by itself at its time, and whom it is told when it fails. */
export function wireLongWork(
  { options, pool, notifications, claimMs, vault, tenancy, tenants, findTenant, logEvent: log }: Foundation,
  { records, history }: Memory,
  { runtimeLimits }: Processes,
  { store, caller, uploads, connections }: Calls,
) {
  const jobs = createJobs({
    pool,
    notifications,
    claimMs,
    work: createRunWork({ store, caller, vault, uploads, findTenant, deadlineMs: runtimeLimits.jobMs }),
    onEnd: (run, failures) => alerts.noteRun(run, failures),
    log,
    ...(options.limits?.jobs ? { limits: options.limits.jobs } : {}),
  })
  const alerts = createAlerts({
    pool,
    jobs: () => jobs,
    store,
    streaks: createDeliveryStreaks({ pool }),
    findTenant,
    failingConnections: (tenant) => connections.listFailing(tenant.organizationId),
  })
  const runs = createRuns({ jobs, uploads, store, requested: createRequestedRuns({ pool, jobs, uploads }) })
  const schedules = createSchedules({
    pool,
    runFor: createScheduledRuns({
      store,
      findTenant,
      maxAttempts: jobs.limits.maxAttempts,
      onRun: (source) => records.usage.countUse(source, permissionIds.schedule),
    }),
    enqueue: (run, client) => jobs.enqueue(run, client),
    limits: jobs.limits,
    log,
  })
  const actionSchedules = createActionSchedules({
    schedules,
    store,
    notifications,
    history,
    tenantOf: tenants.tenantOf,
    listTenants: async () => (await tenancy.listTenants()).filter(({ state }) => state === 'active'),
    log,
  })
  return { jobs, alerts, runs, schedules, actionSchedules }
}
