import { ApiError } from '@tenon/react'
import { QueryClient } from '@tanstack/react-query'

/** The one cache of everything that the server said. */
export function createCache(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        // What the server refused it would refuse again; what it could not do may work in a moment.
        retry: (failures, error) => failures < 2 && error instanceof ApiError && error.isPassing,
        retryDelay: (failures) => 400 * 2 ** failures,
      },
    },
  })
}
