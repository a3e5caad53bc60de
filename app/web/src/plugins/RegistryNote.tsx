import { Alert } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { request } from '@tenon/react'
import { CloudOff } from 'lucide-react'
import { ago } from '../ui/time.js'

interface Health {
  tier: string
  /** Stronger ones that are not there, and why. */
  tiersNotTaken: { tier: string; reason: string }[]
  databaseHardened: boolean
  version: string
  marketplace: { fetchedAt: string | null; stale: boolean; entries: number }
}

/** How the server and its marketplace are. */
export function useHealth() {
  return useQuery({ queryKey: ['health'], queryFn: ({ signal }) => request<Health>('/health', { signal }) })
}

/** Says so when the registry is away, and from when the list is that is shown instead. */
export function RegistryNote() {
  const { data } = useHealth()
  if (!data?.marketplace.stale) return null
  const { fetchedAt } = data.marketplace
  return (
    <Alert className="tn-note" data-tone="warn" icon={<CloudOff size={18} />} mt="sm" role="status">
      The marketplace cannot be reached at the moment.
      {fetchedAt ? ` This is the list from ${ago(fetchedAt)}; what is installed keeps working.` : ''}
    </Alert>
  )
}
