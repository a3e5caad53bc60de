import { useQuery } from '@tanstack/react-query'
import { request } from '@tenon/react'

/** What the server says of itself to anybody. */
export function useInstallation() {
  return useQuery({
    queryKey: ['installation'],
    queryFn: ({ signal }) => request<{ version: string; registration: 'open' | 'invite' }>('/installation', { signal }),
    staleTime: Infinity,
  })
}
