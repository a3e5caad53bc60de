import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { pluginKeys, refreshPlugins } from '../plugins/queries.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { getUpdatePlan, rollBackPlugin, updatePlugin } from './update.repository.js'

/**
 * What an update would change. Asked anew each time: an admin agrees to what is true now.
 *
 * @example
 * const { data: plan } = useUpdatePlan(installation)
 * return plan ? <p>Brings version {plan.to}</p> : <Loading height={40} />
 * @since 0.1.0
 */
export function useUpdatePlan(installation: PluginInstallation) {
  return useQuery({
    queryKey: pluginKeys.of(keyOf(installation), 'update', installation.id, installation.version),
    queryFn: ({ signal }) => getUpdatePlan({ installationId: installation.id, signal }),
    gcTime: 0,
  })
}

/**
 * Brings a plugin to its newest version; `permissions` are needed when that asks for more than before.
 *
 * @example
 * const update = useUpdatePlugin()
 * return <button onClick={() => update.mutate({ installationId: installation.id })}>Update</button>
 * @since 0.1.0
 */
export function useUpdatePlugin() {
  const client = useQueryClient()
  return useMutation({ mutationFn: updatePlugin, onSettled: () => refreshPlugins(client) })
}

/**
 * Brings back the version before the last update.
 *
 * @example
 * const rollBack = useRollBackPlugin()
 * return <button onClick={() => rollBack.mutate({ installationId: installation.id })}>Roll back</button>
 * @since 0.1.0
 */
export function useRollBackPlugin() {
  const client = useQueryClient()
  return useMutation({ mutationFn: rollBackPlugin, onSettled: () => refreshPlugins(client) })
}

/** Installations for which the marketplace has a newer version. */
export function withUpdates(installations: readonly PluginInstallation[]): PluginInstallation[] {
  return installations.filter(({ status, updateAvailable }) => status === 'installed' && Boolean(updateAvailable))
}
