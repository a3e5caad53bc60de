import { Alert } from '@mantine/core'
import { useNetwork } from '@mantine/hooks'
import { WifiOff } from 'lucide-react'

/** Says so while the browser has no network; what is shown stays. */
export function OfflineNote() {
  const { online } = useNetwork()
  if (online) return null
  return (
    <Alert className="tn-note" data-tone="warn" icon={<WifiOff size={18} />} mb="md" role="status">
      You are offline. What is shown may have changed, and nothing can be saved until you are back.
    </Alert>
  )
}
