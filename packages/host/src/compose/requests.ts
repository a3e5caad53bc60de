import { createDeliveryLog } from '../events/delivery-log.js'
import { createEndpoints } from '../http/endpoints.js'
import { createInstallLimit } from '../http/install-limit.js'
import { describeEndpoints, describeFrames } from '../http/openapi.js'
import { requestLimitTable } from '../http/request-limits.js'
import { createRouter } from '../http/router.js'
import { toPrincipal } from '../identity.js'
import { createEventActs } from '../installations/event-acts.js'
import { createFrames } from '../installations/frames.js'
import { createLiveStream } from '../installations/live-stream.js'
import { createObservations } from '../installations/observations.js'
import { createPluginRequests } from '../installations/plugin-requests.js'
import { limitsOf } from '../limit-table.js'
import { createOperatorActs } from '../operator/operator-acts.js'
import { dataKey } from '../secrets/data-keys.js'
import { createUploadSweeper } from '../uploads/index.js'
import type { Acts } from './acts.js'
import type { Calls } from './calls.js'
import type { Events } from './events.js'
import type { Foundation } from './foundation.js'
import type { LongWork } from './long-work.js'
import type { Marketplace } from './marketplace.js'
import type { Memory } from './memory.js'
import type { Processes } from './processes.js'

/** What a request meets. */
export async function wireRequests(
  { options, pool, sealer, notifications, ceiling, tenancy, tenants, logEvent: log }: Foundation,
  { catalog, artifacts }: Marketplace,
  { audit, denials, records, history }: Memory,
  { runtime, runtimeLimits }: Processes,
  { store, requestStore, blocks, uploads, uploadLimits, roles }: Calls,
  { jobs, alerts, runs, actionSchedules }: LongWork,
  { service, permissions }: Acts,
  { webhooks }: Events,
) {
  const limits = limitsOf(requestLimitTable, options.limits?.requests)
  const upload = { store: uploads, limits: { ...limits, maxFileBytes: uploadLimits.maxFileBytes } }
  const frames = createFrames({
    key: await dataKey({ pool, sealer }, 'frames'),
    store,
    artifacts,
    blocks,
    usage: records.usage,
    tenantOf: tenants.tenantOf,
  })
  const databaseNow = async () => {
    const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')
    return rows[0]?.now ?? new Date()
  }
  const endpoints = createEndpoints({
    service,
    observations: createObservations({
      pool,
      store,
      records,
      runtime,
      limits: runtimeLimits,
      tenancy,
      jobs,
      uploads,
      blocks,
      permissions,
      roles,
      tenantOf: tenants.tenantOf,
    }),
    operator: createOperatorActs({ blocks, audit }),
    longWork: {
      runs,
      live: createLiveStream({ jobs, store, notifications, databaseNow }),
      schedules: actionSchedules,
      alerts,
    },
    eventActs: createEventActs({ webhooks, deliveries: createDeliveryLog({ pool }), store, history }),
    requests: createPluginRequests({ requests: requestStore, catalog, blocks, ceiling, history }),
    uploads: upload,
    frames,
  })
  return {
    router: createRouter({
      endpoints,
      service,
      uploads: upload,
      limits,
      frame: { frames, publicUrl: options.publicUrl },
      authenticate: async (request) => toPrincipal(await options.authenticate(request)),
      countInstall: await createInstallLimit({ pool, perHour: options.installLimitPerHour ?? 20 }),
      onDenied: ({ organizationId, userId }, what) => denials.count({ organizationId, userId }, what),
      log,
    }),
    openapi: () => ({ paths: { ...describeEndpoints(endpoints, '/api/plugins'), ...describeFrames('/api/plugins') } }),
    uploadSweeper: createUploadSweeper({ store: uploads, sweepMs: uploadLimits.sweepMs, log }),
  }
}
