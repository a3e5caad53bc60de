import { PluginInstallationStatus as Status, TenonError } from '@tenon/contract'
import type { TenantScope } from '../migrations/index.js'
import type { Installation, InstallationStore } from './installation-store.js'

/** @throws TenonError PLUGIN_NOT_INSTALLED, PLUGIN_DISABLED, INSTALLATION_BUSY */
export async function findRunning(
  store: InstallationStore,
  tenant: TenantScope,
  pluginKey: string,
): Promise<Installation> {
  const installation = await store.findByKey(tenant, pluginKey)
  const plugin = installation?.manifest?.displayName ?? pluginKey
  if (!installation || installation.status === Status.FAILED) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin })
  if (installation.status === Status.DISABLED) throw new TenonError('PLUGIN_DISABLED', { plugin })
  if (installation.status !== Status.INSTALLED)
    throw new TenonError('INSTALLATION_BUSY', { plugin, status: installation.status })
  return installation
}
