import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { permissionIds, type OperatorCeiling } from '@tenon/contract'
import type { ClientConfig } from 'pg'
import { pino, type Logger } from 'pino'
import { createDenials } from './audit/index.js'
import { createArtifacts, createArtifactStore, resolveArtifactLimits } from './artifacts/index.js'
import { createCatalog, createPostgresCatalogStore } from './catalog/index.js'
import { createConnectionStore } from './connections/connection-store.js'
import { createOAuthStates } from './connections/oauth-states.js'
import { createProofKeys } from './connections/proof-key.js'
import { createRefreshingConnections } from './connections/refreshing-connections.js'
import { createRevokingConnections } from './connections/revoking-connections.js'
import { createEgressFetch, isExempt } from './egress/index.js'
import { createDeliveryLog } from './events/delivery-log.js'
import { createEventDispatcher } from './events/event-dispatcher.js'
import { openHostDatabase, type HostDatabase } from './host-database.js'
import { createHostMigrator } from './host-migrations.js'
import { createEndpoints } from './http/endpoints.js'
import { createInstallLimit } from './http/install-limit.js'
import { describeEndpoints, describeFrames } from './http/openapi.js'
import { requestLimitTable } from './http/request-limits.js'
import { createRouter } from './http/router.js'
import { toPrincipal } from './identity.js'
import { createActionSchedules, createScheduledRuns } from './installations/action-schedules.js'
import { createAlerts } from './installations/alerts.js'
import { createConfigure } from './installations/configure.js'
import { createConnections } from './installations/connections.js'
import { createDeliveryStreaks } from './installations/delivery-streaks.js'
import { createEventActs, withWebhooks } from './installations/event-acts.js'
import { createFrames } from './installations/frames.js'
import { createHistory } from './installations/history.js'
import { createHostCalls } from './installations/host-calls.js'
import { createInstall } from './installations/install.js'
import { createObservations } from './installations/observations.js'
import { createInstallationStore } from './installations/installation-store.js'
import { defaultClaimMs } from './installations/lease.js'
import { createKnownSecrets } from './installations/known-secrets.js'
import { environmentFor } from './installations/granted-environment.js'
import { networkPolicyFor } from './installations/network-policy.js'
import { createGrantPermissions } from './installations/permissions.js'
import { createPermissionMeter } from './installations/permission-meter.js'
import { createPluginCaller, logFields } from './installations/plugin-caller.js'
import { createPluginRoles } from './installations/plugin-roles.js'
import { createPluginService, createTenantLookup } from './installations/plugin-service.js'
import { createPluginRequests } from './installations/plugin-requests.js'
import { createRecovery } from './installations/recovery.js'
import { createKnownInstallations } from './installations/known-installations.js'
import { createLiveStream } from './installations/live-stream.js'
import { createRequestStore } from './installations/request-store.js'
import { createCallRoute } from './installations/routes.js'
import { createRequestedRuns } from './installations/requested-runs.js'
import { createRuns, createRunWork } from './installations/runs.js'
import { createStrayProcesses } from './installations/stray-processes.js'
import { createSubscriptions } from './installations/subscriptions.js'
import { createSwitchPlugin } from './installations/switch-plugin.js'
import { createUninstall } from './installations/uninstall.js'
import { createUpdate } from './installations/update.js'
import { createJobs } from './jobs/jobs.js'
import { createSchedules } from './jobs/schedules.js'
import type { TenantScope } from './migrations/index.js'
import { limitsOf } from './limit-table.js'
import { createNotifications } from './notifications/index.js'
import { createBlocks } from './operator/blocks.js'
import { openAudit } from './operator/open-audit.js'
import { createOperatorActs } from './operator/operator-acts.js'
import { ownDirectory } from './own-directory.js'
import type { PluginHost, PluginHostOptions } from './plugin-host.js'
import { createCrashLedger, createNetworkLedger, createRecords, type RecordSource } from './records/index.js'
import { createRuntime, type PluginOfProcess, resolveLimits, type SelfTest } from './runtime/index.js'
import { createConfigurationVault } from './secrets/configuration-vault.js'
import { dataKey } from './secrets/data-keys.js'
import { createSchemaThreads } from './secrets/schema-threads.js'
import { createSealer } from './secrets/sealer.js'
import { createWebhookStore } from './webhooks/webhook-store.js'
import { createWebhooks } from './webhooks/webhooks.js'
import { createUploadStore, createUploadSweeper, resolveUploadLimits } from './uploads/index.js'
import { createTenancy, isDatabaseHardened } from './tenancy/index.js'

/**
 * Brings the database up to date and makes the host. It does nothing by itself before `start()`.
 *
 * @throws when the database cannot be used, or when the options contradict each other
 * @since 0.1.0
 */
export async function createPluginHost(options: PluginHostOptions): Promise<PluginHost> {
  if (options.grantable?.connections && options.publicUrl === undefined) {
    throw new Error('grantable.connections needs a publicUrl: OAuth services send people back to it.')
  }
  const log = options.log ?? pino({ level: 'silent' })
  const dataDir = options.dataDir === undefined ? await ownDirectory() : path.resolve(options.dataDir)
  const database = openHostDatabase(options.database, log)
  try {
    return await wire({ ...options, log, dataDir, database })
  } catch (error) {
    await database.close()
    throw error
  }
}

interface WireOptions extends PluginHostOptions {
  database: HostDatabase
  dataDir: string
  log: Logger
}

/**
 * Wires the host together. Read it from top to bottom: this is the way that a plugin takes from the marketplace to an
 * answer.
 */
async function wire(options: WireOptions): Promise<PluginHost> {
  const { log, marketplace, dataDir, egress = {}, grantable = {} } = options
  const { pool, connection } = options.database
  const ceiling = ceilingOf(grantable)
  const logEvent = (event: string, fields: Record<string, unknown>) => log[levelOf(event)](fields, event)

  const migrator = createHostMigrator({ pool, ...(options.migrations ? { application: options.migrations } : {}) })
  await migrator.up()

  // What is kept secret, and who the tenants are
  const sealer = createSealer(options.secretKeys)
  // What plugins seal lies in their own tables, where no rotation of keys could reach it: it has a key of its own.
  const pluginKey = await dataKey({ pool, sealer }, 'plugins')
  const pluginSealer = createSealer([pluginKey.toString('base64'), ...options.secretKeys])
  const schemas = createSchemaThreads()
  const vault = createConfigurationVault({ sealer, schemas })
  const databaseHardened = await isDatabaseHardened(pool)
  const tenancy = await createTenancy({
    pool,
    connection: withoutUser(connection),
    migrator,
    roleKey: await dataKey({ pool, sealer }, 'roles'),
    grantable: grantable.tables ?? {},
    keptTables: [],
    ...(options.limits?.tenancy ? { limits: options.limits.tenancy } : {}),
  })
  // Of an organization that is being removed nothing may be started any more; its tables may be gone already.
  const findTenant = async (organizationId: number): Promise<TenantScope | undefined> => {
    const tenant = await tenancy.findTenant(organizationId)
    return tenant?.state === 'removing' ? undefined : tenant
  }
  const tenants = createTenantLookup(async (schema) =>
    (await tenancy.listTenants()).find((tenant) => tenant.schema === schema),
  )

  // From the marketplace to exact bytes
  const isPrivateAllowed = (address: string, port: number) => isExempt(egress.allowPrivate ?? [], address, port)
  const operatorTargets = targetsOf([
    marketplace.location,
    ...Object.values(ceiling.connections ?? {}).flatMap(({ tokenUrl, revokeUrl }) => [tokenUrl, revokeUrl ?? '']),
  ])
  const fetch = createEgressFetch({
    // What the operator configured may be in the operator's own network; what a manifest names may not.
    allowsAddress: (_address, host, port) => operatorTargets.has(`${host}:${port}`),
    hostMap: egress.hostMap,
    extraCa: egress.extraCa ?? [],
    ...egress.network,
  })
  const catalog = createCatalog({
    location: marketplace.location,
    fetch: fetch as unknown as typeof globalThis.fetch,
    store: createPostgresCatalogStore(pool),
    log: logEvent,
    ...options.limits?.marketplace,
    ...(marketplace.refreshIntervalMs === undefined ? {} : { refreshIntervalMs: marketplace.refreshIntervalMs }),
  })
  const artifactLimits = resolveArtifactLimits(options.limits?.artifacts)
  const artifacts = createArtifacts({
    location: marketplace.location,
    fetch: fetch as unknown as typeof globalThis.fetch,
    store: createArtifactStore({ pool, cacheDir: path.join(dataDir, 'artifacts'), limits: artifactLimits }),
    tempDir: path.join(dataDir, 'builds'),
    log: logEvent,
    ...(options.npm ? { npm: options.npm } : {}),
    limits: artifactLimits,
  })

  // What is remembered of what happens
  const audit = await openAudit({ pool, sealer, log: logEvent })
  const denials = createDenials({ audit })
  const records = createRecords({ pool, log: logEvent, limits: options.limits?.records ?? {} })
  const secrets = createKnownSecrets()
  const meter = createPermissionMeter({ usage: records.usage, secrets, onRefusal: denials.count })
  /** For what is said of a plugin by the name of the tenant's schema. Nobody keeps anything of who has gone. */
  const withSource = ({ tenantId, pluginKey, installationId }: PluginOfProcess, note: (source: RecordSource) => void) =>
    void tenants.tenantOf(tenantId).then(
      ({ organizationId }) => note({ organizationId, pluginKey, installationId }),
      () => undefined,
    )

  // From bytes to a process, and from a process to an answer
  const runtimeLimits = resolveLimits(options.limits?.runtime)
  const runtime = createRuntime({
    log,
    hostMap: egress.hostMap,
    ...egress.network,
    extraCa: egress.extraCa ?? [],
    pidDirectory: path.join(dataDir, 'processes'),
    codeCacheDirectory: path.join(dataDir, 'code-caches'),
    redact: (plugin, text) => secrets.of(plugin).text(text),
    onPluginLog(plugin, line) {
      const kept = { ...line, text: secrets.of(plugin).text(line.text) }
      withSource(plugin, (source) => records.log.write(source, kept))
      logEvent('plugin-log', { ...plugin, ...logFields(kept) })
    },
    onProcessEnd: ({ digest, ...plugin }, end) =>
      withSource(plugin, (source) => records.usage.noteProcessEnd(source, { ...end, digest })),
    networkLedger: createNetworkLedger({ pool, log: logEvent, windowMs: runtimeLimits.egressWindowMs }),
    crashLedger: createCrashLedger({
      pool,
      log: logEvent,
      kept: runtimeLimits.maxCrashes,
      keptMs: runtimeLimits.crashWindowMs + runtimeLimits.crashPauseMs,
    }),
    ...(options.limits?.runtime ? { limits: options.limits.runtime } : {}),
    minTier: `T${options.minTier ?? 1}`,
    maxTier: `T${options.maxTier ?? 3}`,
  })
  const notifications = createNotifications({ pool, log: logEvent })
  const databaseNow = async () => {
    const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now')
    return rows[0]?.now ?? new Date()
  }
  notifications.subscribe('tenon_crashes', {
    heard(name) {
      const [tenantId = '', pluginKey = ''] = name.split(' ')
      void runtime.heardOfCrashes(tenantId, pluginKey)
    },
    missed: () => void runtime.refreshCrashes(),
  })
  const requestStore = createRequestStore({ pool })
  const store = createKnownInstallations({
    store: createInstallationStore({
      pool,
      replicaId: randomUUID(),
      claimMs: options.limits?.claimMs ?? defaultClaimMs,
      onInstalled: requestStore.fulfil,
    }),
    notifications,
  })
  const blocks = createBlocks({
    pool,
    notifications,
    stopRunning: (target) => runtime.stopMatching(target, { kind: 'stopped', text: 'an operator has blocked it' }),
    log: logEvent,
  })
  await blocks.refresh()
  const strayProcesses = createStrayProcesses({
    store,
    runtime,
    notifications,
    tenantOf: tenants.tenantOf,
    log: logEvent,
  })
  const tokenFetch = fetch as unknown as typeof globalThis.fetch
  const connectionStore = createRefreshingConnections({
    store: createRevokingConnections({
      store: createConnectionStore({ pool, sealer }),
      ceiling,
      fetch: tokenFetch,
      log: logEvent,
    }),
    ceiling,
    fetch: tokenFetch,
    log: logEvent,
  })
  const uploadLimits = resolveUploadLimits(options.limits?.uploads)
  const uploadStore = createUploadStore({ pool, limits: uploadLimits })
  const history = createHistory({ pool, audit, log: logEvent })
  const roles = createPluginRoles({ tenancy, pool })
  const caller = createPluginCaller({
    runtime,
    tenancy,
    roles,
    artifacts,
    networkPolicy: (manifest, configuration) =>
      networkPolicyFor({
        permissions: manifest.permissions?.network,
        configuration,
        isExempt: isPrivateAllowed,
        undeclaredMayReachAnyHost: egress.undeclaredMayReachAnyHost ?? false,
      }),
    environment: (manifest) => environmentFor(manifest, ceiling),
    hostCalls: createHostCalls({
      connections: connectionStore,
      sealer: pluginSealer,
      ceiling,
      fetch,
      meter,
      uploads: uploadStore,
      log: logEvent,
    }),
    store,
    blocks,
    records,
    meter,
    secrets,
    log: logEvent,
  })
  const source = marketplace.location

  // Long work
  const claimMs = options.limits?.claimMs ?? defaultClaimMs
  const runWork = createRunWork({
    store,
    caller,
    vault,
    uploads: uploadStore,
    findTenant,
    deadlineMs: runtimeLimits.jobMs,
  })
  const jobs = createJobs({
    pool,
    notifications,
    claimMs,
    work: runWork,
    onEnd: (run, failures) => alerts.noteRun(run, failures),
    log: logEvent,
    ...(options.limits?.jobs ? { limits: options.limits.jobs } : {}),
  })
  const alerts = createAlerts({
    pool,
    jobs: () => jobs,
    store,
    streaks: createDeliveryStreaks({ pool }),
    findTenant,
    failingConnections: (tenant) => connectionStore.listFailing(tenant.organizationId),
  })
  const requested = createRequestedRuns({ pool, jobs, uploads: uploadStore })
  const runs = createRuns({ jobs, uploads: uploadStore, store, requested })
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
    log: logEvent,
  })
  const actionSchedules = createActionSchedules({
    schedules,
    store,
    notifications,
    history,
    tenantOf: tenants.tenantOf,
    listTenants: async () => (await tenancy.listTenants()).filter(({ state }) => state === 'active'),
    log: logEvent,
  })

  const install = createInstall({
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
    source,
  })
  const uninstall = createUninstall({
    runtime,
    roles,
    store,
    connections: connectionStore,
    vault,
    records,
    uploads: uploadStore,
    caller,
    history,
  })
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
    install,
    uninstall,
    configure: createConfigure({ store, caller, vault, schemas, history }),
    connections: createConnections({
      installations: store,
      connections: connectionStore,
      states: createOAuthStates({ pool }),
      proofKeys: createProofKeys(await dataKey({ pool, sealer }, 'pkce')),
      caller,
      vault,
      schemas,
      history,
      ceiling,
      fetch: fetch as unknown as typeof globalThis.fetch,
      publicUrl: options.publicUrl ?? '',
      log: logEvent,
    }),
    callRoute: createCallRoute({ store, caller, vault, runs }),
    switchPlugin: createSwitchPlugin({ store, runtime, history }),
    update,
  })

  // What goes on without a request
  const webhookFetch = createEgressFetch({
    // An admin chose the address, so what the operator opened to configured addresses is open to it, and nothing else.
    allowsAddress: (address, _host, port) => isPrivateAllowed(address, port),
    hostMap: egress.hostMap,
    extraCa: egress.extraCa ?? [],
  })
  const webhooks = createWebhooks({
    store: createWebhookStore({ pool, sealer }),
    fetch: webhookFetch,
    isPrivateAllowed,
  })
  const events = createEventDispatcher({
    pool,
    notifications,
    ...withWebhooks(createSubscriptions({ store, caller, vault, findTenant }), webhooks, findTenant),
    onEnd: alerts.noteDelivery,
    ...(options.limits?.events ? { limits: options.limits.events } : {}),
    log: logEvent,
  })
  const recovery = createRecovery({ store, roles, uninstall, permissions, update, history, log: logEvent })

  // What a request meets
  const requestLimits = limitsOf(requestLimitTable, options.limits?.requests)
  const uploads = { store: uploadStore, limits: { ...requestLimits, maxFileBytes: uploadLimits.maxFileBytes } }
  const uploadSweeper = createUploadSweeper({ store: uploadStore, sweepMs: uploadLimits.sweepMs, log: logEvent })
  const observations = createObservations({
    pool,
    store,
    records,
    runtime,
    limits: runtimeLimits,
    tenancy,
    jobs,
    uploads: uploadStore,
    blocks,
    permissions,
    roles,
    tenantOf: tenants.tenantOf,
  })
  const operator = createOperatorActs({ blocks, audit })
  const frames = createFrames({
    key: await dataKey({ pool, sealer }, 'frames'),
    store,
    artifacts,
    blocks,
    usage: records.usage,
    tenantOf: tenants.tenantOf,
  })
  const endpoints = createEndpoints({
    service,
    observations,
    operator,
    longWork: {
      runs,
      live: createLiveStream({ jobs, store, notifications, databaseNow }),
      schedules: actionSchedules,
      alerts,
    },
    eventActs: createEventActs({ webhooks, deliveries: createDeliveryLog({ pool }), store, history }),
    requests: createPluginRequests({ requests: requestStore, catalog, blocks, ceiling, history }),
    uploads,
    frames,
  })
  const countInstall = await createInstallLimit({ pool, perHour: options.installLimitPerHour ?? 20 })
  const router = createRouter({
    endpoints,
    service,
    uploads,
    limits: requestLimits,
    frame: { frames, publicUrl: options.publicUrl },
    authenticate: async (request) => toPrincipal(await options.authenticate(request)),
    countInstall,
    onDenied: ({ organizationId, userId }, what) => denials.count({ organizationId, userId }, what),
    log: logEvent,
  })

  return {
    router,
    service,
    migrator,
    openapi: () => ({ paths: { ...describeEndpoints(endpoints, '/api/plugins'), ...describeFrames('/api/plugins') } }),
    async createTenant(organizationId) {
      await tenancy.createTenant(organizationId)
    },
    async removeTenant(organizationId) {
      const tenant = await tenancy.findTenant(organizationId)
      if (!tenant) return
      const why = { kind: 'stopped', text: 'the organization is being removed' } as const
      await runtime.stopMatching({ tenantId: tenant.schema }, why)
      for (const pluginKey of await connectionStore.pluginsOf(organizationId))
        await connectionStore.removeAll({ organizationId, tenantId: tenant.schema, pluginKey })
      await tenancy.removeTenant(organizationId)
      tenants.forget(tenant.schema)
      await audit.record({ organizationId, action: 'remove-organization', outcome: 'done' })
    },
    async health() {
      const { tier = 'unknown', notTaken, processes } = runtime.status()
      const { location, fetchedAt, stale, entries, error } = catalog.status()
      return {
        tier,
        tiersNotTaken: [...notTaken],
        databaseHardened,
        marketplace: {
          location,
          fetchedAt: fetchedAt?.toISOString() ?? null,
          stale,
          entries,
          ...(error ? { error } : {}),
        },
        processes: processes.length,
      }
    },
    refreshMarketplace: () => catalog.refresh(),
    async start() {
      assertContained(await runtime.selfTest())
      await notifications.start()
      await Promise.all([blocks.refresh(), runtime.refreshCrashes()])
      for (const part of [blocks, strayProcesses, records.log, records.usage, denials, uploadSweeper]) part.start()
      recovery.start()
      jobs.start()
      schedules.start()
      // Not awaited: what was missed while no server ran is no reason to wait.
      void actionSchedules.fitAll().catch((error: unknown) => logEvent('schedules-failed', { reason: String(error) }))
      await catalog.start()
      events.start()
    },
    async stop() {
      // One that fails must not leave the rest running: plugins are processes.
      const failures: unknown[] = []
      const stop = (part: () => unknown) =>
        Promise.resolve()
          .then(part)
          .catch((error: unknown) => failures.push(error))
      await Promise.all([
        stop(catalog.stop),
        stop(recovery.stop),
        stop(events.stop),
        stop(jobs.stop),
        stop(schedules.stop),
        stop(uploadSweeper.stop),
      ])
      await stop(notifications.stop)
      await Promise.all([stop(blocks.stop), stop(strayProcesses.stop)])
      await stop(() => runtime.stop())
      await Promise.all([stop(records.log.stop), stop(records.usage.stop), stop(denials.stop)])
      await stop(audit.stop)
      await Promise.all([stop(() => tenancy.close()), stop(schemas.close)])
      await Promise.all([stop(() => fetch.close()), stop(() => webhookFetch.close())])
      await stop(() => options.database.close())
      if (failures.length > 0) throw new AggregateError(failures, 'The host could not be stopped in an orderly way.')
    },
  }
}

/** The admission check knows tables by name and privilege; columns and policies are the tenancy's concern. */
function ceilingOf({ tables = {}, ...rest }: NonNullable<PluginHostOptions['grantable']>): OperatorCeiling {
  const privileges = ['select', 'insert', 'update', 'delete'] as const
  return {
    ...rest,
    tables: Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [
        name,
        privileges.filter((privilege) => table.privileges[privilege] !== undefined),
      ]),
    ),
  }
}

function withoutUser({
  user: _user,
  password: _password,
  ...connection
}: ClientConfig): Omit<ClientConfig, 'user' | 'password'> {
  return connection
}

/** Host and port of every http(s) address among these. */
function targetsOf(addresses: readonly string[]): ReadonlySet<string> {
  const urls = addresses
    .filter((address) => /^https?:/.test(address) && URL.canParse(address))
    .map((address) => new URL(address))
  return new Set(
    urls.map(({ hostname, port, protocol }) => `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`),
  )
}

/** A sandbox that does not hold on this machine must not be found out by a plugin. */
function assertContained({ passed, breaches, broken }: SelfTest): void {
  if (passed) return
  const found = [...breaches, ...broken.map((need) => `not ${need}`)].join(', ')
  throw new Error(`The sandbox does not hold on this machine: a probe could ${found}. No plugin is run.`)
}

/** What plugins print is kept for their tenants; an operator who wants it here, too, asks for it. */
function levelOf(event: string): 'debug' | 'info' | 'warn' {
  if (event === 'plugin-log') return 'debug'
  return /failed|refused|degraded/.test(event) ? 'warn' : 'info'
}
