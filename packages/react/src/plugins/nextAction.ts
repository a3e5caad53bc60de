import type { Plugin, PluginInstallation } from './types.js'

/** The one thing to do next with a plugin; each card has one button for it. */
export type NextAction =
  'install' | 'fix' | 'enable' | 'configure' | 'connect' | 'update' | 'open' | 'wait' | 'unavailable'

export const actionLabels: Record<NextAction, string> = {
  install: 'Install',
  fix: 'Fix',
  enable: 'Enable',
  configure: 'Configure',
  connect: 'Connect',
  update: 'Update',
  open: 'Open',
  wait: 'Working',
  unavailable: 'Not available',
}

/** What a person does next with a plugin, from its declaration and the state of its installation. */
export function nextAction(plugin: Plugin, installation?: PluginInstallation): NextAction {
  const status = installation?.status ?? plugin.installationStatus
  if (!status) return plugin.installable === false ? 'unavailable' : 'install'
  if (status === 'failed') return 'fix'
  if (status === 'disabled') return 'enable'
  if (status !== 'installed') return 'wait'
  if (!installation) return 'open'
  if (needsConfiguration(plugin, installation)) return 'configure'
  return installation.updateAvailable ? 'update' : 'open'
}

/** True when something that the plugin cannot work without has not been entered. */
export function needsConfiguration(plugin: Plugin, { configuration }: PluginInstallation): boolean {
  if (!plugin.requiresConfiguration) return false
  const required = plugin.contributes?.configuration?.['required']
  return Array.isArray(required) && required.length > 0 && Object.keys(configuration ?? {}).length === 0
}
