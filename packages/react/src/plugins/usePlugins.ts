import { useCallback, useMemo } from 'react'
import { needsConfiguration, needsConnection } from './nextAction.js'
import { useInstallations, useMarketplace } from './queries.js'
import type { Plugin, PluginInstallation } from './types.js'

export interface UsePlugins {
  plugins: Plugin[]
  loading: boolean
  /** The sentence of what went wrong; the list may be shown all the same when there was one before. */
  error: string | null
  refetch: () => void
}

/**
 * S111: the plugins of the marketplace, each with what is known of its installation. When the installations cannot be
 * had the marketplace is shown without.
 *
 * @example
 * const { plugins, loading, error, refetch } = usePlugins('communication')
 * if (loading) return <Loading height={120} />
 * if (error !== null) return <button onClick={refetch}>{error} Try again</button>
 * return plugins.map((plugin) => <PluginCard key={plugin.key} plugin={plugin} />)
 * @since 0.1.0
 */
export function usePlugins(category?: string): UsePlugins {
  const marketplace = useMarketplace(category)
  const installations = useInstallations()
  const plugins = useMemo(
    () => mergeInstallations(marketplace.data ?? [], installations.data ?? []),
    [marketplace.data, installations.data],
  )
  const { refetch: lookAtMarketplace } = marketplace
  const { refetch: lookAtInstallations } = installations
  const refetch = useCallback(() => {
    void lookAtMarketplace()
    void lookAtInstallations()
  }, [lookAtMarketplace, lookAtInstallations])
  return {
    plugins,
    loading: marketplace.isPending || installations.isPending,
    error: marketplace.error ? marketplace.error.message || 'Failed to fetch plugins' : null,
    refetch,
  }
}

/** Puts the installation of each plugin beside it. */
export function mergeInstallations(plugins: readonly Plugin[], installations: readonly PluginInstallation[]): Plugin[] {
  const byKey = new Map(installations.map((installation) => [keyOf(installation), installation]))
  return plugins.map((plugin) => {
    const installation = byKey.get(plugin.key)
    return installation ? withInstallation(plugin, installation) : plugin
  })
}

/** A plugin with what is known of its installation beside it. */
export function withInstallation(plugin: Plugin, installation: PluginInstallation): Plugin {
  const { id, status, installedAt, updateAvailable } = installation
  return {
    ...plugin,
    installationId: id,
    installationStatus: status,
    ...(installedAt === null ? {} : { installedAt }),
    ...(updateAvailable ? { updateAvailable } : {}),
    ...(needsConfiguration(plugin, installation) ? { needsConfiguration: true } : {}),
    ...(needsConnection(plugin, installation) ? { needsConnection: true } : {}),
  }
}

/** The key of what is installed. */
export function keyOf({ plugin, pluginKey }: PluginInstallation): string {
  return plugin?.key || pluginKey
}
