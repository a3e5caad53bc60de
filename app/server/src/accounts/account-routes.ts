import { TenonError } from '@tenon/contract'
import { getTenantHash } from '@tenon/host'
import type { Pool } from 'pg'
import * as z from 'zod'
import type { Settings } from '../env.js'
import { type Route, route } from '../http/route.js'
import { accountSchema, loginSchema, registrationSchema, signedInSchema } from './account-schemas.js'
import type { OrganizationRemoval } from './organization-removal.js'
import type { Passwords } from './passwords.js'
import type { Registration } from './registration.js'
import type { Sessions } from './sessions.js'
import type { SignInLimit } from './sign-in-limit.js'
import { findSignIn, findUser, recordLogin, type UserRow } from './user-store.js'

interface AccountRoutesOptions {
  pool: Pool
  settings: Pick<Settings, 'operatorEmails'>
  passwords: Passwords
  sessions: Sessions
  signInLimit: SignInLimit
  registration: Registration
  removal: OrganizationRemoval
}

export function accountRoutes(options: AccountRoutesOptions): Route[] {
  const { pool, settings, passwords, sessions, signInLimit, registration, removal } = options

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
      async handle({ body, address }) {
        await signInLimit.count(body.email, address)
        const found = await findSignIn(pool, body.email)
        const right = await passwords.verify(found?.passwordHash, body.password)
        if (!found || !right || found.user.organizationState !== 'active') throw new TenonError('SIGN_IN_REFUSED')
        await recordLogin(pool, found.user.id)
        return signIn({ ...found.user, lastLogin: new Date() })
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
