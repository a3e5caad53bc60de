import type { ReactNode } from 'react'
import { isInUse } from './isInUse.js'
import { useInstallations } from './queries.js'
import { keyOf } from './usePlugins.js'
import { fillsSlot } from './useSlot.js'

export type PluginGateProps = {
  children: ReactNode
  /** Shown when nothing is installed; nothing by default. */
  fallback?: ReactNode
  /** Shown until that is known; nothing by default. */
  loading?: ReactNode
} & ({ pluginKey: string; slot?: undefined } | { slot: string; pluginKey?: undefined })

/**
 * S114: shows its children when a plugin is installed: the one with `pluginKey`, or any that fills `slot`. However many
 * gates are on a page, they cost one request.
 *
 * @example <PluginGate slot="models.tabs" fallback={<a href="/plugins">Find a plugin</a>}><App /></PluginGate>
 * @since 0.1.0
 */
export function PluginGate({ children, fallback = null, loading = null, pluginKey, slot }: PluginGateProps) {
  const { data = [], isPending } = useInstallations()
  if (isPending) return <>{loading}</>
  const open = data.some(
    (installation) =>
      isInUse(installation) &&
      (slot === undefined
        ? keyOf(installation) === pluginKey
        : installation.plugin !== undefined && fillsSlot(installation.plugin, slot)),
  )
  return <>{open ? children : fallback}</>
}
