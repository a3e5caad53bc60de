import { Button } from '@mantine/core'
import { RequestId } from '@tenon/react'
import { ServerCrash } from 'lucide-react'
import { EmptyState } from './EmptyState.js'

interface FailedStateProps {
  title: string
  error: Error
  onRetry: () => void
  /** Of its heading, where the page has no other. */
  level?: 1 | 2
}

/** Something could not be had; it can be asked for again. */
export function FailedState({ title, error, onRetry, level }: FailedStateProps) {
  const text = (
    <>
      {error.message}
      <RequestId error={error} />
    </>
  )
  return (
    <div role="alert">
      <EmptyState icon={ServerCrash} title={title} text={text} level={level}>
        <Button variant="default" onClick={onRetry}>
          Try again
        </Button>
      </EmptyState>
    </div>
  )
}
