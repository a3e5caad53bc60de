import type { QueryClient } from '@tanstack/react-query'
import type { PluginRequestFilter } from './request.repository.js'

/** Names of requests in the cache. */
export const requestKeys = {
  all: ['tenon', 'requests'] as const,
  list: (filter: PluginRequestFilter) => ['tenon', 'requests', filter] as const,
}

/** Something of them has changed, or may have. */
export function refreshRequests(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: requestKeys.all })
}
