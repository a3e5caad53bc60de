import { type Principal, TenonError } from '@tenon/contract'
import { getTenantHash } from '@tenon/host'
import type { Request } from 'express'
import type { Pool } from 'pg'
import type { EndedSessions } from './ended-sessions.js'
import { readSessionCookie } from './session-cookie.js'
import type { Sessions } from './sessions.js'
import { findUser } from './user-store.js'

interface AuthenticateOptions {
  pool: Pool
  sessions: Sessions
  endedSessions: Pick<EndedSessions, 'has'>
  operatorEmails: readonly string[]
  /** Whether browsers reach the server over TLS. */
  https: boolean
}

/** What is looked at; a request without a method counts as one that changes something. */
export type AuthenticatedRequest = Pick<Request, 'headers'> & { method?: string }

/** What a program or a browser has to show for its session. */
export function tokenOf({ headers }: AuthenticatedRequest, way: { https: boolean }): string | undefined {
  return bearerOf(headers) ?? readSessionCookie(headers.cookie, way)
}

function bearerOf(headers: AuthenticatedRequest['headers']): string | undefined {
  return /^Bearer ([\w.-]+)$/i.exec(headers.authorization ?? '')?.[1]
}

/** The header with which a page proves that a change is its own, see {@link Sessions.csrfToken}. */
const csrfHeader = 'x-csrf-token'

const safeMethods = ['GET', 'HEAD', 'OPTIONS']

/**
 * Who sends a request. Programs send a bearer token. Browsers send a cookie, which goes along with requests that other
 * sites start as well; so with the cookie alone nothing can be changed. The token names the user; role and membership come
 * from the database each time, so that a change of role, signing out, and the removal of a user or an organization count
 * from the next request on.
 *
 * @throws TenonError NOT_AUTHENTICATED, SESSION_EXPIRED, CSRF_REFUSED
 */
export function createAuthenticate({ pool, sessions, endedSessions, operatorEmails, https }: AuthenticateOptions) {
  return async (req: AuthenticatedRequest): Promise<Principal> => {
    const token = tokenOf(req, { https })
    if (!token) throw new TenonError('NOT_AUTHENTICATED')
    const claims = await sessions.verify(token)
    if (!bearerOf(req.headers) && !safeMethods.includes(req.method ?? '')) {
      const proof = req.headers[csrfHeader]
      if (!sessions.isCsrfToken(claims.sid, typeof proof === 'string' ? proof : undefined)) {
        throw new TenonError('CSRF_REFUSED')
      }
    }
    const [user, isEnded] = await Promise.all([findUser(pool, claims.id), endedSessions.has(claims.sid)])
    if (isEnded || !user || user.organizationState !== 'active' || user.organizationId !== claims.organizationId) {
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
