import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { inTransaction } from '../database/transaction.js'
import type { Settings } from '../env.js'
import type { PluginHostPort } from '../plugin-host-port.js'
import type { RegistrationInput } from './account-schemas.js'
import { eraseOrganization } from './erase-organization.js'
import { changeState, insertOrganization } from './organization-store.js'
import type { Passwords } from './passwords.js'
import { findUser, insertUser, type UserRow } from './user-store.js'

export interface Registration {
  /**
   * Makes an organization with its schema and its first admin.
   *
   * @throws TenonError REGISTRATION_CLOSED, EMAIL_TAKEN
   */
  register(input: RegistrationInput): Promise<UserRow>
}

interface RegistrationOptions {
  pool: Pool
  host: Pick<PluginHostPort, 'createTenant' | 'removeTenant'>
  passwords: Passwords
  settings: Pick<Settings, 'registration' | 'operatorEmails'>
  log: Logger
}

/**
 * The organization is a row in state `registering` first, so that whatever stops the work in the middle, this process
 * or the next finds it and removes it.
 */
export function createRegistration({ pool, host, passwords, settings, log }: RegistrationOptions): Registration {
  async function claim(input: RegistrationInput): Promise<UserRow> {
    const passwordHash = await passwords.hash(input.password)
    return inTransaction(pool, async (client) => {
      const { id } = await insertOrganization(client, input.organizationName)
      return insertUser(client, { ...input, organizationId: id, role: 'Admin', passwordHash })
    })
  }

  return {
    async register(input) {
      if (settings.registration === 'invite' && !settings.operatorEmails.includes(input.email)) {
        throw new TenonError('REGISTRATION_CLOSED')
      }
      const { id: userId, organizationId } = await claim(input)
      try {
        await host.createTenant(organizationId)
        if (!(await changeState(pool, organizationId, 'registering', 'active'))) {
          throw new Error(`organization ${organizationId} was removed while it registered`)
        }
      } catch (error) {
        await eraseOrganization(pool, host, organizationId).catch((cause: unknown) =>
          log.error({ organizationId, err: cause }, 'a failed registration is left for the next start to remove'),
        )
        throw error
      }
      log.info({ organizationId, userId }, 'organization registered')
      const admin = await findUser(pool, userId)
      if (!admin) throw new Error(`user ${userId} was removed while it registered`)
      return admin
    },
  }
}
