import { type QueryClient, useQuery } from '@tanstack/react-query'
import { getAllPlugins, getCategories, getInstalledPlugins, getPluginByKey } from './plugin.repository.js'

/** Names in the one cache that all hooks and components of this package share. */
export const pluginKeys = {
  all: ['tenon'] as const,
  marketplace: (category?: string) => ['tenon', 'marketplace', category ?? 'all'] as const,
  installations: ['tenon', 'installations'] as const,
  categories: ['tenon', 'categories'] as const,
  ofPlugin: (pluginKey: string) => ['tenon', 'plugin', pluginKey] as const,
  of: (pluginKey: string, what: string, ...rest: unknown[]) => ['tenon', 'plugin', pluginKey, what, ...rest] as const,
}

/** The marketplace changes rarely and the installations mostly by this very page, which then says so. */
const freshMs = 30_000

/** While something is being changed by anybody, looks again this often. */
const busyLookMs = 1_500

const busyStatuses: readonly string[] = ['installing', 'updating', 'uninstalling']

/**
 * The plugins that the marketplace offers, all of them or those of a category, without what is known of their
 * installations: see {@link usePlugins} for both.
 *
 * @example const { data: plugins = [], error } = useMarketplace('security')
 * @since 0.1.0
 */
export function useMarketplace(category?: string) {
  return useQuery({
    queryKey: pluginKeys.marketplace(category),
    queryFn: ({ signal }) => getAllPlugins({ category, signal }),
    staleTime: freshMs,
  })
}

/**
 * What is installed: one request for a page, however many components ask.
 *
 * @example const { data: installations = [], isPending } = useInstallations()
 * @since 0.1.0
 */
export function useInstallations() {
  return useQuery({
    queryKey: pluginKeys.installations,
    queryFn: ({ signal }) => getInstalledPlugins({ signal }),
    staleTime: freshMs,
    refetchInterval: ({ state }) =>
      state.data?.some(({ status }) => busyStatuses.includes(status)) ? busyLookMs : false,
  })
}

/**
 * One plugin of the marketplace, with what it asks for in sentences.
 *
 * @example
 * const { data: plugin } = usePluginDetails(pluginKey)
 * return <PermissionList permissions={plugin?.asks ?? []} />
 * @since 0.1.0
 */
export function usePluginDetails(pluginKey: string) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'details'),
    queryFn: ({ signal }) => getPluginByKey({ key: pluginKey, signal }),
    staleTime: freshMs,
  })
}

/**
 * The categories of the marketplace, with the names that people read.
 *
 * @example
 * const { data: categories = [] } = useCategories()
 * const category = categories.find(({ id }) => id === plugin.category)?.name
 * @since 0.1.0
 */
export function useCategories() {
  return useQuery({
    queryKey: pluginKeys.categories,
    queryFn: ({ signal }) => getCategories({ signal }),
    staleTime: freshMs,
  })
}

/**
 * After a change that was made without this package: everything that is shown of plugins is asked again.
 *
 * @example await refreshPlugins(useQueryClient())
 * @since 0.1.0
 */
export function refreshPlugins(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: pluginKeys.all })
}
