import { Button } from '@mantine/core'
import { ServerCrash } from 'lucide-react'
import { EmptyState } from './EmptyState.js'

/** Something could not be had; it can be asked for again. */
export function FailedState({ title, message, onRetry }: { title: string; message: string; onRetry: () => void }) {
  return (
    <div role="alert">
      <EmptyState icon={ServerCrash} title={title} text={message}>
        <Button variant="default" onClick={onRetry}>
          Try again
        </Button>
      </EmptyState>
    </div>
  )
}
