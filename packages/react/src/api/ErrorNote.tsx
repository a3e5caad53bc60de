import { Alert } from '@mantine/core'
import { CircleX } from 'lucide-react'
import type { ReactNode } from 'react'
import { RequestId } from './RequestId.js'

export interface ErrorNoteProps {
  error: Error
  title?: string | undefined
  /** What was undone, or what to do. */
  children?: ReactNode
}

/**
 * What went wrong, in the server's sentence, with the id under which the operator finds it.
 *
 * @example
 * const { error } = useInstallations()
 * return error && <ErrorNote error={error} title="The plugins cannot be shown" />
 * @since 0.1.0
 */
export function ErrorNote({ error, title, children }: ErrorNoteProps) {
  return (
    <Alert className="tn-note" data-tone="bad" icon={<CircleX size={18} />} title={title} role="alert">
      <p>{error.message}</p>
      {children ? <p>{children}</p> : null}
      <RequestId error={error} />
    </Alert>
  )
}
