import { QueryClient } from '@tanstack/react-query'
import { queryDefaults } from '@tenon/react'

/** The one cache of everything that the server said. */
export function createCache(): QueryClient {
  const { queries, ...rest } = queryDefaults
  return new QueryClient({ defaultOptions: { queries: { ...queries, staleTime: 10_000 }, ...rest } })
}
