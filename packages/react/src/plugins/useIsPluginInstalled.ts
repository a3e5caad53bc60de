import { useInstallations } from './queries.js'
import { keyOf } from './usePlugins.js'

/**
 * S113: whether a plugin is installed and may work. An error counts as "no".
 *
 * @example const { isInstalled, loading, installationId } = useIsPluginInstalled(pluginKey)
 * @since 0.1.0
 */
export function useIsPluginInstalled(pluginKey: string): {
  isInstalled: boolean
  loading: boolean
  installationId: number | null
} {
  const { data = [], isPending } = useInstallations()
  const found = data.find((installation) => keyOf(installation) === pluginKey && installation.status === 'installed')
  return { isInstalled: found !== undefined, loading: isPending, installationId: found?.id ?? null }
}
