import type { Release } from '@tenon/contract'
import { request } from '../api/request.js'
import type { AskedPermission } from '../installation/PermissionList.js'
import type { InstallConsent } from '../plugins/plugin.repository.js'
import type { PluginInstallation } from '../plugins/types.js'

/** What an update would change of what a plugin may do. */
export interface UpdatePlan {
  /** Null when it is not known which version is there. */
  from: string | null
  to: string
  /** SHA-256 of the code of that version; an older server does not say it. */
  digest?: string
  /** False for a version that does not declare what it needs. */
  declared?: boolean
  /** All that it asks for; an older server does not say it. */
  asks?: AskedPermission[]
  /** What it asks for and did not ask for before: an admin has to agree to it. */
  added: AskedPermission[]
  /** What it does not ask for any more. */
  removed: AskedPermission[]
  /** What is new in the versions on the way, the newest first; an older server does not say it. */
  releases?: Release[]
}

/** What bringing an installation to the newest version would change. @throws ApiError */
export async function getUpdatePlan({
  installationId,
  signal,
}: {
  installationId: number
  signal?: AbortSignal
}): Promise<UpdatePlan> {
  return request(`/plugins/installations/${installationId}/update`, { signal })
}

/**
 * Brings an installation to the newest version; the one that was there stays when anything goes wrong. `permissions` are
 * the ids of all that the new version is granted, needed when it asks for more than before; with `shown` no other version
 * is brought than the one that a person saw.
 *
 * @throws ApiError
 */
export async function updatePlugin({
  installationId,
  permissions,
  shown,
}: { installationId: number } & InstallConsent): Promise<PluginInstallation> {
  return request(`/plugins/installations/${installationId}/update`, { method: 'POST', body: { permissions, shown } })
}

/** Brings back the version before the last update. @throws ApiError */
export async function rollBackPlugin({ installationId }: { installationId: number }): Promise<PluginInstallation> {
  return request(`/plugins/installations/${installationId}/rollback`, { method: 'POST' })
}
