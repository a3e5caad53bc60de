import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import { type RoleName, roleNames, TenonError } from '@tenon/contract'
import { errors, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'

/** How long a session lasts: a working day. */
export const sessionLifetimeMs = 12 * 60 * 60 * 1000

/** S20 and host-tables: what a token says. Only `id`, `organizationId` and `sid` are relied on; the rest may be stale. */
const claimsSchema = z.object({
  id: z.int().positive(),
  email: z.string(),
  roleName: z.enum(roleNames as [RoleName, ...RoleName[]]),
  organizationId: z.int().positive(),
  tenantId: z.string().regex(/^[a-zA-Z0-9]{10}$/),
  expire: z.number().describe('Milliseconds since 1970, the same moment as exp'),
  exp: z.number(),
  sid: z.uuid(),
})
export type SessionClaims = z.infer<typeof claimsSchema>
export type SessionSubject = Pick<SessionClaims, 'id' | 'email' | 'roleName' | 'organizationId' | 'tenantId'>

export interface Sessions {
  issue(subject: SessionSubject): Promise<string>
  /** @throws TenonError NOT_AUTHENTICATED, or SESSION_EXPIRED when the token was good once. */
  verify(token: string): Promise<SessionClaims>
  /** What a page of the session sends along with every change. Another site cannot know it. */
  csrfToken(sessionId: string): string
  /** True when `token` is the one of the session. */
  isCsrfToken(sessionId: string, token: string | undefined): boolean
}

/** Signed tokens (JWT, HS256). Changing the secret ends all sessions. */
export function createSessions({
  secret,
  lifetimeMs = sessionLifetimeMs,
}: {
  secret: string
  lifetimeMs?: number
}): Sessions {
  const key = new TextEncoder().encode(secret)
  const csrfToken = (sessionId: string): string =>
    createHmac('sha256', key).update(`csrf:${sessionId}`).digest('base64url')
  return {
    csrfToken,
    isCsrfToken(sessionId, token = '') {
      const expected = Buffer.from(csrfToken(sessionId))
      const given = Buffer.from(token)
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
    issue(subject) {
      const expire = Date.now() + lifetimeMs
      return new SignJWT({ ...subject, expire, sid: randomUUID() })
        .setProtectedHeader({ alg: 'HS256' })
        .setIssuedAt()
        .setExpirationTime(Math.floor(expire / 1000))
        .sign(key)
    },
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] })
        return claimsSchema.parse(payload)
      } catch (cause) {
        throw new TenonError(
          cause instanceof errors.JWTExpired ? 'SESSION_EXPIRED' : 'NOT_AUTHENTICATED',
          {},
          { cause },
        )
      }
    },
  }
}
