import { useMutation, useMutationState, useQueryClient } from '@tanstack/react-query'
import { installAsRun } from '../installation/installRun.js'
import { type InstallConsent, setPluginEnabled, uninstallPlugin } from './plugin.repository.js'
import { refreshPlugins } from './queries.js'
import type { PluginInstallation } from './types.js'

interface Installing extends InstallConsent {
  pluginKey: string
}

interface Uninstalling {
  installationId: number
  data?: 'keep' | 'erase'
}

export interface UsePluginInstallation {
  /** `permissions` are the ids of those that are granted, all that it asks for when absent; `shown` is what was agreed to. */
  install: (pluginKey: string, options?: InstallConsent) => Promise<PluginInstallation>
  uninstall: (installationId: number, options?: { data?: 'keep' | 'erase' }) => Promise<void>
  setEnabled: (installationId: number, enabled: boolean) => Promise<void>
  isInstalling: (pluginKey: string) => boolean
  isUninstalling: (installationId: number) => boolean
}

const installing = ['tenon', 'install']
const uninstalling = ['tenon', 'uninstall']

/**
 * S112: installs and uninstalls, any number at once. An installation is a run, whose steps can be followed. What is under
 * way is known to every component of the page, also after the one that began it is gone. A failure is thrown as an
 * `ApiError` to whoever called, and what is under way ends in either case.
 *
 * @example
 * const { install, uninstall, isInstalling, isUninstalling } = usePluginInstallation()
 * return (
 *   <>
 *     <button disabled={isInstalling(plugin.key)} onClick={() => install(plugin.key).catch(toast)}>
 *       Install
 *     </button>
 *     <button disabled={isUninstalling(installation.id)} onClick={() => uninstall(installation.id).catch(toast)}>
 *       Uninstall
 *     </button>
 *   </>
 * )
 * @since 0.1.0
 */
export function usePluginInstallation(): UsePluginInstallation {
  const client = useQueryClient()
  const onSettled = () => refreshPlugins(client)
  const install = useMutation({
    mutationKey: installing,
    mutationFn: (choice: Installing) => installAsRun(client, choice),
    onSettled,
  })
  const uninstall = useMutation({
    mutationKey: uninstalling,
    mutationFn: (choice: Uninstalling) => uninstallPlugin(choice),
    onSettled,
  })
  const enable = useMutation({ mutationFn: setPluginEnabled, onSettled })
  const keys = usePending<Installing>(installing).map(({ pluginKey }) => pluginKey)
  const ids = usePending<Uninstalling>(uninstalling).map(({ installationId }) => installationId)
  return {
    install: (pluginKey, options = {}) => install.mutateAsync({ pluginKey, ...options }),
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
