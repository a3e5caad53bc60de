import type { Contributes } from '@tenon/contract'
import { useMemo } from 'react'
import { isInUse } from './isInUse.js'
import { useInstallations, useMarketplace } from './queries.js'
import type { Plugin, PluginInstallation } from './types.js'

type SlotKind = 'views' | 'importers' | 'actions'

/** What one installed plugin puts into a place of the application. */
export interface SlotContribution<Kind extends SlotKind> {
  plugin: Plugin
  installation: PluginInstallation
  contribution: Contributes[Kind][number]
}

export interface Slot<Kind extends SlotKind> {
  contributions: SlotContribution<Kind>[]
  /** Plugins of the marketplace that would fill the place, when none is installed. */
  candidates: Plugin[]
  loading: boolean
}

/**
 * What installed plugins declare for a place of the application. The application names the place, never a plugin.
 *
 * @example
 * const { contributions } = useSlot('models.tabs', 'views')
 * return contributions.map(({ plugin, contribution }) => (
 *   <PluginView key={`${plugin.key}.${contribution.id}`} plugin={plugin} view={contribution} />
 * ))
 * @since 0.1.0
 */
export function useSlot<Kind extends SlotKind>(slot: string, kind: Kind): Slot<Kind> {
  const installations = useInstallations()
  const marketplace = useMarketplace()
  return useMemo(() => {
    const contributions = (installations.data ?? []).flatMap((installation) =>
      isInUse(installation) && installation.plugin
        ? contributionsOf(installation.plugin, slot, kind).map((contribution) => ({
            plugin: installation.plugin as Plugin,
            installation,
            contribution,
          }))
        : [],
    )
    const candidates = (marketplace.data ?? []).filter((plugin) => contributionsOf(plugin, slot, kind).length > 0)
    return { contributions, candidates, loading: installations.isPending }
  }, [installations.data, installations.isPending, marketplace.data, slot, kind])
}

/** True when the plugin declares anything for the place. */
export function fillsSlot(plugin: Plugin, slot: string): boolean {
  const kinds: SlotKind[] = ['views', 'importers', 'actions']
  return kinds.some((kind) => contributionsOf(plugin, slot, kind).length > 0)
}

function contributionsOf<Kind extends SlotKind>(plugin: Plugin, slot: string, kind: Kind): Contributes[Kind] {
  const declared = (plugin.contributes?.[kind] ?? []) as { slot?: string }[]
  return declared.filter((contribution) => contribution.slot === slot) as Contributes[Kind]
}
