import { type Principal, TenonError } from '@tenon/contract'
import { getTenantHash } from '@tenon/host'
import type { Request } from 'express'
import type { Pool } from 'pg'
import type { Sessions } from './sessions.js'
import { findUser } from './user-store.js'

interface AuthenticateOptions {
  pool: Pool
  sessions: Sessions
  operatorEmails: readonly string[]
}

/**
 * Who sends a request. The token names the user; role and membership come from the database each time, so that a change
 * of role, and the removal of a user or an organization, count from the next request on.
 *
 * @throws TenonError NOT_AUTHENTICATED, SESSION_EXPIRED
 */
export function createAuthenticate({ pool, sessions, operatorEmails }: AuthenticateOptions) {
  return async (req: Pick<Request, 'headers'>): Promise<Principal> => {
    const [, token] = /^Bearer ([\w.-]+)$/i.exec(req.headers.authorization ?? '') ?? []
    if (!token) throw new TenonError('NOT_AUTHENTICATED')
    const claims = await sessions.verify(token)
    const user = await findUser(pool, claims.id)
    if (!user || user.organizationState !== 'active' || user.organizationId !== claims.organizationId) {
      throw new TenonError('SESSION_EXPIRED')
    }
    return {
      userId: user.id,
      organizationId: user.organizationId,
      tenantId: getTenantHash(user.organizationId),
      role: user.role,
      sessionId: claims.sid,
      isOperator: operatorEmails.includes(user.email),
    }
  }
}
