import type { TenantScope } from '../migrations/index.js'
import type { ConfigurationOwner } from '../secrets/configuration-vault.js'
import type { Installation } from './installation-store.js'
import type { CallSubject } from './plugin-caller.js'

/** What calls of an installed plugin go to; undefined for a row whose installation never got that far. */
export function subjectOf(tenant: TenantScope, installation: Installation): CallSubject | undefined {
  const { id, pluginKey, digest, manifest, asked, source } = installation
  if (digest === null || manifest === null || source === null) return undefined
  return { tenant, pluginKey, installationId: id, digest, manifest, asked: asked ?? manifest, source }
}

export function configurationOwnerOf(
  tenant: TenantScope,
  { pluginKey, manifest }: Pick<Installation, 'pluginKey' | 'manifest'>,
): ConfigurationOwner {
  return { tenantId: tenant.schema, pluginKey, schema: manifest?.contributes?.configuration }
}
