import { Button } from '@mantine/core'
import { ErrorNote } from '@tenon/react'

interface NotReachedProps {
  error: Error | null
  onRetry: () => void
}

/** Instead of everything, while it is not known who is signed in. */
export function NotReached({ error, onRetry }: NotReachedProps) {
  return (
    <main>
      <ErrorNote error={error ?? new Error('There was no answer.')} title="Tenon cannot be reached" />
      <Button variant="default" mt="md" onClick={onRetry}>
        Try again
      </Button>
    </main>
  )
}
