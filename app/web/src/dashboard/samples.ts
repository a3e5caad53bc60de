import { useQuery } from '@tanstack/react-query'
import { request } from '@tenon/react'

/** A service on the server's own machine that a plugin can be tried with. */
export interface SampleService {
  pluginKey: string
  title: string
  description: string
  configuration?: Record<string, unknown>
  page?: { title: string; url: string }
}

export function useSamples() {
  return useQuery({
    queryKey: ['samples'],
    queryFn: ({ signal }) => request<SampleService[]>('/sample-services', { signal }),
    staleTime: Infinity,
  })
}

export function useSampleOf(pluginKey: string): SampleService | undefined {
  return useSamples().data?.find((sample) => sample.pluginKey === pluginKey)
}
