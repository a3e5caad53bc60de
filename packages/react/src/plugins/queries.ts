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

export function useMarketplace(category?: string) {
  return useQuery({
    queryKey: pluginKeys.marketplace(category),
    queryFn: ({ signal }) => getAllPlugins({ category, signal }),
    staleTime: freshMs,
  })
}

/** What is installed: one request for a page, however many components ask. */
export function useInstallations() {
  return useQuery({
    queryKey: pluginKeys.installations,
    queryFn: ({ signal }) => getInstalledPlugins({ signal }),
    staleTime: freshMs,
    refetchInterval: ({ state }) =>
      state.data?.some(({ status }) => busyStatuses.includes(status)) ? busyLookMs : false,
  })
}

/** One plugin of the marketplace, with what it asks for in sentences. */
export function usePluginDetails(pluginKey: string) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'details'),
    queryFn: ({ signal }) => getPluginByKey({ key: pluginKey, signal }),
    staleTime: freshMs,
  })
}

export function useCategories() {
  return useQuery({
    queryKey: pluginKeys.categories,
    queryFn: ({ signal }) => getCategories({ signal }),
    staleTime: freshMs,
  })
}

/** After a change: everything that is shown of plugins is asked again. */
export function refreshPlugins(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: pluginKeys.all })
}
