import type { CatalogEntry, PluginInstallationJson } from '@tenon/contract'
import semver from 'semver'
import type { TenantScope } from '../migrations/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import { configurationRevisionOf } from './configuration-revision.js'
import type { Installation } from './installation-store.js'
import { configurationOwnerOf } from './subject.js'
import { previousOf } from './update.js'

interface Surroundings {
  tenant: TenantScope
  vault: ConfigurationVault
  /** What the marketplace offers under this key now. */
  entry: CatalogEntry | undefined
}

/** S25, S33: an installation as the API shows it, secrets masked, with what is known of the plugin. */
export function toInstallationJson(
  installation: Installation,
  { tenant, vault, entry }: Surroundings,
): PluginInstallationJson {
  const { manifest, pluginKey, version } = installation
  const plugin = manifest ??
    entry ?? { key: pluginKey, name: pluginKey, description: 'Plugin not found in marketplace' }
  return {
    id: installation.id,
    pluginKey,
    status: installation.status,
    installedAt: installation.installedAt?.toISOString() ?? null,
    uninstalledAt: null,
    errorMessage: installation.errorMessage,
    configuration: vault.mask(installation.configuration, configurationOwnerOf(tenant, installation)),
    configurationRevision: configurationRevisionOf(installation),
    metadata: installation.metadata,
    createdAt: installation.createdAt.toISOString(),
    updatedAt: installation.updatedAt.toISOString(),
    version,
    digest: installation.digest,
    plugin,
    previousVersion: previousOf(installation)?.version ?? null,
    updateAvailable: entry && version !== null && semver.gt(entry.version, version) ? entry.version : null,
  }
}
