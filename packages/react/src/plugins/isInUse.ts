import type { PluginInstallation } from './types.js'

/**
 * Whether people work with an installation. While it is brought to another version they do, too: what they are at stays.
 *
 * @example
 * const { data: installations = [] } = useInstallations()
 * const inUse = installations.filter(isInUse)
 * @since 0.1.0
 */
export function isInUse({ status }: Pick<PluginInstallation, 'status'>): boolean {
  return status === 'installed' || status === 'updating'
}
