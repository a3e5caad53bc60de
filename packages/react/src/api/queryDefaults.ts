import type { DefaultOptions } from '@tanstack/react-query'
import { ApiError } from './ApiError.js'

/**
 * How the cache of an application should ask: what the server refused it would refuse again, what it could not do may work
 * in a moment. Without a network a request fails like any other, instead of waiting without a word.
 *
 * @example
 * ```ts
 * import { QueryClient } from '@tanstack/react-query'
 * const client = new QueryClient({ defaultOptions: queryDefaults })
 * ```
 * @since 0.1.0
 */
export const queryDefaults = {
  queries: {
    networkMode: 'always',
    refetchOnReconnect: true,
    retry: (failures, error) => failures < 2 && error instanceof ApiError && error.isPassing,
    retryDelay: (failures) => 400 * 2 ** failures,
  },
  mutations: { networkMode: 'always' },
} satisfies DefaultOptions
