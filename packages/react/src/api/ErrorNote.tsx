import { Alert, Button } from '@mantine/core'
import { CircleX } from 'lucide-react'
import type { ReactNode } from 'react'
import { RequestId } from './RequestId.js'

export interface ErrorNoteProps {
  error: Error
  title?: string | undefined
  /** What was undone, or what to do. */
  children?: ReactNode
  /** Asks for it once more, where that may help. */
  onRetry?: (() => void) | undefined
}

/**
 * What went wrong, in the server's sentence, with the id under which the operator finds it.
 *
 * @example
 * const { error, refetch } = useInstallations()
 * return error && <ErrorNote error={error} title="The plugins cannot be shown" onRetry={() => void refetch()} />
 * @since 0.1.0
 */
export function ErrorNote({ error, title, children, onRetry }: ErrorNoteProps) {
  return (
    <Alert className="tn-note" data-tone="bad" icon={<CircleX size={18} />} title={title} role="alert">
      <p>{error.message}</p>
      {children ? <p>{children}</p> : null}
      <RequestId error={error} />
      {onRetry && (
        <Button variant="default" size="xs" mt="sm" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  )
}
