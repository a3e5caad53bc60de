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
  if (installation.updateAvailable) return 'update'
  return needsConnection(plugin, installation) ? 'connect' : 'open'
}

/** True when the plugin says that it requires a configuration, and what that takes has not been saved (S15). */
export function needsConfiguration(
  plugin: Plugin,
  { configuration }: Pick<PluginInstallation, 'configuration'>,
): boolean {
  if (!asksForConfiguration(plugin)) return false
  return !configuration || (requiresFields(plugin) && Object.keys(configuration).length === 0)
}

/**
 * True for a plugin that says it cannot work before its form was filled in. Where nothing in the form is required and there
 * are accounts to connect, it is an account that it waits for.
 */
export function asksForConfiguration(plugin: Plugin): boolean {
  return plugin.requiresConfiguration && (requiresFields(plugin) || !plugin.contributes?.connections?.length)
}

function requiresFields({ contributes }: Plugin): boolean {
  const required = contributes?.configuration?.['required']
  return Array.isArray(required) && required.length > 0
}

/** True when the plugin declares accounts at other services, and none is connected yet. */
export function needsConnection(
  { contributes }: Plugin,
  { connected }: Pick<PluginInstallation, 'connected'>,
): boolean {
  return Boolean(contributes?.connections?.length) && connected === false
}
