import { Button } from '@mantine/core'
import { ServerCrash } from 'lucide-react'
import type { ReactNode } from 'react'
import { ErrorBoundary } from 'react-error-boundary'
import { EmptyState } from './EmptyState.js'

interface PageBoundaryProps {
  /** What is shown; another one is tried anew. */
  of: string
  children: ReactNode
}

/**
 * A page that cannot be drawn says so, and leaves what is around it alone. The usual reason is that there is a newer
 * client on the server, which no longer has the parts of this one: those are there after loading it again.
 */
export function PageBoundary({ of, children }: PageBoundaryProps) {
  return (
    <ErrorBoundary
      resetKeys={[of]}
      fallbackRender={() => (
        <div role="alert">
          <EmptyState
            level={1}
            icon={ServerCrash}
            title="This page cannot be shown"
            text="There may be a newer version of it, or something in it is broken. Load it again; if that does not help, tell the operator."
          >
            <Button onClick={() => window.location.reload()}>Load it again</Button>
          </EmptyState>
        </div>
      )}
    >
      {children}
    </ErrorBoundary>
  )
}
