import { Button } from '@mantine/core'
import { ServerCrash } from 'lucide-react'
import { EmptyState } from './EmptyState.js'

interface FailedStateProps {
  title: string
  message: string
  onRetry: () => void
  /** Of its heading, where the page has no other. */
  level?: 1 | 2
}

/** Something could not be had; it can be asked for again. */
export function FailedState({ title, message, onRetry, level }: FailedStateProps) {
  return (
    <div role="alert">
      <EmptyState icon={ServerCrash} title={title} text={message} level={level}>
        <Button variant="default" onClick={onRetry}>
          Try again
        </Button>
      </EmptyState>
    </div>
  )
}
