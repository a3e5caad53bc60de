import type { Pool } from 'pg'
import type { Logger } from 'pino'
import type { Settings } from '../env.js'
import type { Route } from '../http/route.js'
import type { PluginHostPort } from '../plugin-host-port.js'
import { accountRoutes } from './account-routes.js'
import type { EndedSessions } from './ended-sessions.js'
import { createOrganizationRemoval, type OrganizationRemoval } from './organization-removal.js'
import { createPasswords } from './passwords.js'
import { createRegistration } from './registration.js'
import type { Sessions } from './sessions.js'
import { createSignInLimit } from './sign-in-limit.js'
import { userRoutes } from './user-routes.js'

export interface Accounts {
  routes: Route[]
  /** Finishes removals, and undoes registrations, that a stop of the server cut off. Called once, at start. */
  finishInterrupted: OrganizationRemoval['finishInterrupted']
}

interface AccountsOptions {
  pool: Pool
  host: Pick<PluginHostPort, 'createTenant' | 'removeTenant'>
  sessions: Sessions
  endedSessions: EndedSessions
  settings: Pick<Settings, 'registration' | 'operatorEmails' | 'publicUrl'>
  log: Logger
}

/** Organizations, people and sessions. */
export function createAccounts({ pool, host, sessions, endedSessions, settings, log }: AccountsOptions): Accounts {
  const passwords = createPasswords()
  const removal = createOrganizationRemoval({ pool, host, log })
  const registration = createRegistration({ pool, host, passwords, settings, log })
  const signInLimit = createSignInLimit({ pool })
  return {
    routes: [
      ...accountRoutes({ pool, settings, passwords, sessions, endedSessions, signInLimit, registration, removal }),
      ...userRoutes({ pool, settings, passwords }),
    ],
    finishInterrupted: removal.finishInterrupted,
  }
}
