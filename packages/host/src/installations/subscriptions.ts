import { PluginInstallationStatus as Status, eventPatternCovers, isTenonError, type PluginEvent } from '@tenon/contract'
import type { Subscriber } from '../events/event-dispatcher.js'
import type { TenantScope } from '../migrations/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import { assertTaken, withWhatWasSaid } from './event-failure.js'
import type { InstallationStore } from './installation-store.js'
import type { PluginCaller } from './plugin-caller.js'
import { findRunning } from './find-running.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

interface SubscriptionsOptions {
  store: InstallationStore
  caller: PluginCaller
  vault: ConfigurationVault
  findTenant: (organizationId: number) => Promise<TenantScope | undefined>
}

/** One that is being updated gets what happens meanwhile when that is done. */
const listening = new Set([Status.INSTALLED, Status.UPDATING])

/** Which installed plugins asked for an event, and how it is handed to one of them. */
export function createSubscriptions({ store, caller, vault, findTenant }: SubscriptionsOptions) {
  return {
    async subscribersOf(organizationId: number, eventName: string): Promise<Subscriber[]> {
      const tenant = await findTenant(organizationId)
      if (!tenant) return []
      const installed = (await store.list(tenant)).filter(({ status }) => listening.has(status))
      return installed.flatMap(({ pluginKey, manifest }) => {
        const asked = manifest?.permissions?.events ?? []
        if (!asked.some((pattern) => eventPatternCovers(pattern, eventName))) return []
        return (manifest?.contributes?.events ?? [])
          .filter(({ name }) => eventPatternCovers(name, eventName))
          .map(({ handler, routingType }) => ({
            pluginKey,
            handler,
            ...(routingType === undefined ? {} : { routingType }),
          }))
      })
    },

    async deliver(
      organizationId: number,
      { pluginKey, handler }: Subscriber,
      event: PluginEvent,
      signal: AbortSignal,
    ): Promise<'dropped' | void> {
      const tenant = await findTenant(organizationId)
      if (!tenant) return 'dropped'
      try {
        const installation = await findRunning(store, tenant, pluginKey)
        const subject = subjectOf(tenant, installation)
        if (!subject) return 'dropped'
        const configuration = vault.open(installation.configuration, configurationOwnerOf(tenant, installation))
        const invocation = { kind: 'event', handler, event } as const
        assertTaken(await caller.call({ subject, userId: 0, configuration, invocation, signal }))
      } catch (error) {
        // Uninstalled, disabled or blocked since: nobody waits for this any more.
        if (
          isTenonError(error, 'PLUGIN_NOT_INSTALLED') ||
          isTenonError(error, 'PLUGIN_DISABLED') ||
          isTenonError(error, 'PLUGIN_BLOCKED')
        )
          return 'dropped'
        throw withWhatWasSaid(error)
      }
    },
  }
}
