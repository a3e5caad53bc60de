import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { ErrorBoundary } from 'react-error-boundary'
import { ErrorNote } from '../api/ErrorNote.js'
import type { Plugin } from '../plugins/types.js'

export interface PluginBoundaryProps {
  plugin: Plugin
  children: ReactNode
}

/**
 * Keeps what a plugin answers or declares from breaking more than its own place on the page: where it cannot be drawn, that is said
 * there, and the rest goes on.
 *
 * @example <PluginBoundary plugin={plugin}><App /></PluginBoundary>
 * @since 0.1.0
 */
export function PluginBoundary({ plugin, children }: PluginBoundaryProps) {
  return (
    <ErrorBoundary
      resetKeys={[plugin.key]}
      fallbackRender={({ resetErrorBoundary }) => (
        <div className="tn-broken">
          <ErrorNote
            title={`A part of ${plugin.displayName} cannot be shown`}
            error={new Error('This is a mistake in the plugin. Tell its publisher; an update may solve it.')}
          />
          <Button variant="default" onClick={resetErrorBoundary}>
            Try again
          </Button>
        </div>
      )}
    >
      {children}
    </ErrorBoundary>
  )
}
