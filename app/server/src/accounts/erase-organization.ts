import { isTenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { PluginHostPort } from '../plugin-host-port.js'
import { deleteOrganization } from './organization-store.js'

/** Removes all that an organization has, its row last: as long as the row is there, the work can be done again. */
export async function eraseOrganization(
  pool: Pool,
  host: Pick<PluginHostPort, 'removeTenant'>,
  organizationId: number,
): Promise<void> {
  try {
    await host.removeTenant(organizationId)
  } catch (error) {
    // It was removed by an earlier attempt, or never made.
    if (!isTenonError(error, 'TENANT_NOT_FOUND')) throw error
  }
  await deleteOrganization(pool, organizationId)
}
