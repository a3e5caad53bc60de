import { useMutation, useMutationState, useQueryClient } from '@tanstack/react-query'
import { installPlugin, setPluginEnabled, uninstallPlugin } from './plugin.repository.js'
import { refreshPlugins } from './queries.js'
import type { PluginInstallation } from './types.js'

interface Uninstalling {
  installationId: number
  data?: 'keep' | 'erase'
}

export interface UsePluginInstallation {
  install: (pluginKey: string) => Promise<PluginInstallation>
  uninstall: (installationId: number, options?: { data?: 'keep' | 'erase' }) => Promise<void>
  setEnabled: (installationId: number, enabled: boolean) => Promise<void>
  isInstalling: (pluginKey: string) => boolean
  isUninstalling: (installationId: number) => boolean
}

const installing = ['tenon', 'install']
const uninstalling = ['tenon', 'uninstall']

/**
 * S112: installs and uninstalls, any number at once. What is under way is known to every component of the page, also
 * after the one that began it is gone.
 *
 * @example const { install, isInstalling } = usePluginInstallation()
 * @since 0.1.0
 */
export function usePluginInstallation(): UsePluginInstallation {
  const client = useQueryClient()
  const onSettled = () => refreshPlugins(client)
  const install = useMutation({
    mutationKey: installing,
    mutationFn: (pluginKey: string) => installPlugin({ pluginKey }),
    onSettled,
  })
  const uninstall = useMutation({
    mutationKey: uninstalling,
    mutationFn: (choice: Uninstalling) => uninstallPlugin(choice),
    onSettled,
  })
  const enable = useMutation({ mutationFn: setPluginEnabled, onSettled })
  const keys = usePending<string>(installing)
  const ids = usePending<Uninstalling>(uninstalling).map(({ installationId }) => installationId)
  return {
    install: install.mutateAsync,
    uninstall: async (installationId, options = {}) => {
      await uninstall.mutateAsync({ installationId, ...options })
    },
    setEnabled: async (installationId, enabled) => {
      await enable.mutateAsync({ installationId, enabled })
    },
    isInstalling: (pluginKey) => keys.includes(pluginKey),
    isUninstalling: (installationId) => ids.includes(installationId),
  }
}

function usePending<Variables>(mutationKey: string[]): Variables[] {
  return useMutationState({
    filters: { mutationKey, status: 'pending' },
    select: ({ state }) => state.variables as Variables,
  })
}
