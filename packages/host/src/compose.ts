import path from 'node:path'
import { pino } from 'pino'
import { wireActs } from './compose/acts.js'
import { wireCalls } from './compose/calls.js'
import { wireEvents } from './compose/events.js'
import { wireFoundation, type WireOptions } from './compose/foundation.js'
import { wireLongWork } from './compose/long-work.js'
import { wireMarketplace } from './compose/marketplace.js'
import { wireMemory } from './compose/memory.js'
import { wireProcesses } from './compose/processes.js'
import { wireRequests } from './compose/requests.js'
import { openHostDatabase } from './host-database.js'
import { ownDirectory } from './own-directory.js'
import type { PluginHost, PluginHostOptions } from './plugin-host.js'
import type { SelfTest } from './runtime/index.js'

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

/**
 * Wires the host together. Read it from top to bottom: this is the way that a plugin takes from the marketplace to an
 * answer.
 */
async function wire(options: WireOptions): Promise<PluginHost> {
  const foundation = await wireFoundation(options)
  const marketplace = wireMarketplace(foundation)
  const memory = await wireMemory(foundation)
  const processes = wireProcesses(foundation, memory)
  const calls = await wireCalls(foundation, marketplace, memory, processes)
  const longWork = wireLongWork(foundation, memory, processes, calls)
  const acts = await wireActs(foundation, marketplace, memory, processes, calls, longWork)
  const eventWork = wireEvents(foundation, marketplace, calls, longWork)
  const requests = await wireRequests(foundation, marketplace, memory, processes, calls, longWork, acts, eventWork)

  const { migrator, notifications, tenancy, tenants, schemas, databaseHardened, logEvent } = foundation
  const { catalog, egressFetch } = marketplace
  const { audit, denials, records } = memory
  const { runtime } = processes
  const { blocks, connections, strayProcesses } = calls
  const { jobs, schedules, actionSchedules } = longWork
  const { service, recovery } = acts
  const { events, webhookFetch } = eventWork
  const { router, openapi, uploadSweeper } = requests

  return {
    router,
    service,
    migrator,
    openapi,
    async createTenant(organizationId) {
      await tenancy.createTenant(organizationId)
    },
    async removeTenant(organizationId) {
      const tenant = await tenancy.findTenant(organizationId)
      if (!tenant) return
      const why = { kind: 'stopped', text: 'the organization is being removed' } as const
      await runtime.stopMatching({ tenantId: tenant.schema }, why)
      for (const pluginKey of await connections.pluginsOf(organizationId))
        await connections.removeAll({ organizationId, tenantId: tenant.schema, pluginKey })
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
      await Promise.all([stop(() => egressFetch.close()), stop(() => webhookFetch.close())])
      await stop(() => options.database.close())
      if (failures.length > 0) throw new AggregateError(failures, 'The host could not be stopped in an orderly way.')
    },
  }
}

/** A sandbox that does not hold on this machine must not be found out by a plugin. */
function assertContained({ passed, breaches, broken }: SelfTest): void {
  if (passed) return
  const found = [...breaches, ...broken.map((need) => `not ${need}`)].join(', ')
  throw new Error(`The sandbox does not hold on this machine: a probe could ${found}. No plugin is run.`)
}
