import { TenonError, ValidationException } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { inTransaction } from '../database/transaction.js'
import type { PluginHostPort } from '../plugin-host-port.js'
import { eraseOrganization } from './erase-organization.js'
import { changeState, findOrganization, findUnfinished } from './organization-store.js'

export interface OrganizationRemoval {
  /**
   * Removes an organization and everything that belongs to it; one audit line stays.
   *
   * @param typedName must be the name of the organization, exactly.
   */
  remove(organizationId: number, typedName: string, userId: number): Promise<void>
  /** Finishes removals, and undoes registrations, that a stop of the server cut off. */
  finishInterrupted(): Promise<void>
}

interface OrganizationRemovalOptions {
  pool: Pool
  host: Pick<PluginHostPort, 'removeTenant'>
  log: Logger
}

export function createOrganizationRemoval({ pool, host, log }: OrganizationRemovalOptions): OrganizationRemoval {
  /** Every step may be repeated, so it does not matter where an earlier attempt was cut off. */
  async function finish(organizationId: number): Promise<void> {
    await eraseOrganization(pool, host, organizationId)
    log.info({ organizationId }, 'organization removed')
  }

  return {
    async remove(organizationId, typedName, userId) {
      const organization = await findOrganization(pool, organizationId)
      if (organization?.name !== typedName) {
        throw new ValidationException('Type the name of the organization exactly as it is written.', 'name')
      }
      await inTransaction(pool, async (client) => {
        if (!(await changeState(client, organizationId, 'active', 'deleting'))) {
          throw new TenonError('CONFLICT', { message: 'The organization is being removed already.' })
        }
        await client.query(
          `INSERT INTO public.audit_lines (event, organization_id, user_id) VALUES ('organization.removed', $1, $2)`,
          [organizationId, userId],
        )
      })
      await finish(organizationId)
    },

    async finishInterrupted() {
      for (const { id, state } of await findUnfinished(pool)) {
        try {
          await finish(id)
        } catch (error) {
          log.error(
            { organizationId: id, state, err: error },
            'an organization could not be removed; tried again at the next start',
          )
        }
      }
    },
  }
}
