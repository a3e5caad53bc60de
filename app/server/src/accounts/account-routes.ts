import { TenonError } from '@tenon/contract'
import { getTenantHash } from '@tenon/host'
import type { Pool } from 'pg'
import * as z from 'zod'
import type { Settings } from '../env.js'
import { type Route, route } from '../http/route.js'
import {
  accountSchema,
  browserSessionSchema,
  loginSchema,
  registrationSchema,
  signedInSchema,
} from './account-schemas.js'
import type { EndedSessions } from './ended-sessions.js'
import type { OrganizationRemoval } from './organization-removal.js'
import type { Passwords } from './passwords.js'
import type { Registration } from './registration.js'
import { isHttps, sessionCookie } from './session-cookie.js'
import type { Sessions } from './sessions.js'
import type { SignInLimit } from './sign-in-limit.js'
import { findSignIn, findUser, recordLogin, type UserRow } from './user-store.js'

interface AccountRoutesOptions {
  pool: Pool
  settings: Pick<Settings, 'operatorEmails' | 'publicUrl'>
  passwords: Passwords
  sessions: Sessions
  endedSessions: Pick<EndedSessions, 'end'>
  signInLimit: SignInLimit
  registration: Registration
  removal: OrganizationRemoval
}

export function accountRoutes(options: AccountRoutesOptions): Route[] {
  const { pool, settings, passwords, sessions, endedSessions, signInLimit, registration, removal } = options

  function accountOf(user: UserRow) {
    const { organizationId: id, organizationName: name } = user
    return {
      user: { ...user, isOperator: settings.operatorEmails.includes(user.email) },
      organization: { id, name, tenantId: getTenantHash(id) },
    }
  }

  async function signIn(user: UserRow) {
    const { id, email, role: roleName, organizationId } = user
    const token = await sessions.issue({ id, email, roleName, organizationId, tenantId: getTenantHash(organizationId) })
    return { token, ...accountOf(user) }
  }

  async function checkPassword({ email, password }: { email: string; password: string }, address: string) {
    await signInLimit.count(email, address)
    const found = await findSignIn(pool, email)
    const right = await passwords.verify(found?.passwordHash, password)
    if (!found || !right || found.user.organizationState !== 'active') throw new TenonError('SIGN_IN_REFUSED')
    await recordLogin(pool, found.user.id)
    return signIn({ ...found.user, lastLogin: new Date() })
  }

  const https = isHttps(settings.publicUrl)

  return [
    route({
      method: 'post',
      path: '/api/auth/register',
      tag: 'Accounts',
      summary: 'Register an organization with its first admin',
      access: 'anybody',
      body: registrationSchema,
      status: 201,
      answer: signedInSchema,
      async handle({ body, address }) {
        await signInLimit.countRegistration(address)
        return signIn(await registration.register(body))
      },
    }),
    route({
      method: 'post',
      path: '/api/auth/login',
      tag: 'Accounts',
      summary: 'Sign in',
      access: 'anybody',
      body: loginSchema,
      answer: signedInSchema,
      handle: ({ body, address }) => checkPassword(body, address),
    }),
    route({
      method: 'post',
      path: '/api/session',
      tag: 'Accounts',
      summary: 'Sign in with a browser: the session is kept in a cookie that no script can read',
      access: 'anybody',
      body: loginSchema,
      answer: browserSessionSchema,
      async handle({ body, address, setCookie }) {
        const { token, ...account } = await checkPassword(body, address)
        const { sid } = await sessions.verify(token)
        setCookie(sessionCookie(token, { https }))
        return { ...account, csrfToken: sessions.csrfToken(sid) }
      },
    }),
    route({
      method: 'get',
      path: '/api/session',
      tag: 'Accounts',
      summary: 'Who is signed in, and what a page sends along with changes',
      access: 'Auditor',
      answer: browserSessionSchema,
      async handle({ principal }) {
        const user = await findUser(pool, principal.userId)
        if (!user) throw new TenonError('SESSION_EXPIRED')
        return { ...accountOf(user), csrfToken: sessions.csrfToken(principal.sessionId) }
      },
    }),
    route({
      method: 'delete',
      path: '/api/session',
      tag: 'Accounts',
      summary: 'Sign out: the token of the request, in the cookie or as a bearer, is worth nothing from now on',
      access: 'anybody',
      answer: z.string(),
      async handle({ token, setCookie }) {
        // One that is not good any more needs no ending.
        const claims = token === undefined ? undefined : await sessions.verify(token).catch(() => undefined)
        if (claims) await endedSessions.end(claims)
        setCookie(sessionCookie('', { https }))
        return 'Signed out'
      },
    }),
    route({
      method: 'get',
      path: '/api/auth/me',
      tag: 'Accounts',
      summary: 'Who is signed in',
      access: 'Auditor',
      answer: accountSchema,
      async handle({ principal }) {
        const user = await findUser(pool, principal.userId)
        if (!user) throw new TenonError('SESSION_EXPIRED')
        return accountOf(user)
      },
    }),
    route({
      method: 'delete',
      path: '/api/organization',
      tag: 'Accounts',
      summary: 'Remove the organization and everything that belongs to it',
      access: 'Admin',
      body: z.object({ name: z.string().max(255) }).meta({ id: 'OrganizationRemoval' }),
      answer: z.string(),
      async handle({ principal, body }) {
        await removal.remove(principal.organizationId, body.name, principal.userId)
        return 'Organization removed'
      },
    }),
  ]
}
