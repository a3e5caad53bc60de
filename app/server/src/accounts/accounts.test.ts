import { createHmac } from 'node:crypto'
import { getTenantHash } from '@tenon/host'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, testJwtSecret, testPassword } from '../testing/test-app.js'
import { createPasswords } from './passwords.js'
import { createSessions } from './sessions.js'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp({ settings: { operatorEmails: ['ops@example.com'] } })
})
afterAll(() => app.stop())
// All tests come from one address.
beforeEach(() => app.pool.query('TRUNCATE public.request_limits'))

const registration = (email: string, more: object = {}) => ({
  organizationName: 'Acme',
  name: 'Ada',
  surname: 'Admin',
  email,
  password: testPassword,
  ...more,
})

async function eventsOf(organizationId: number) {
  const { rows } = await app.pool.query(
    'SELECT name, payload FROM tenon.outbox WHERE organization_id = $1 ORDER BY id',
    [organizationId],
  )
  return rows as { name: string; payload: Record<string, unknown> }[]
}

describe('registering', () => {
  it('makes an organization with its schema and signs its first admin in', async () => {
    const { status, body } = await app.call('POST', '/api/auth/register', { body: registration(' First@Example.COM ') })
    expect(status).toBe(201)
    const { token, user, organization } = body.data
    expect(body.message).toBe('Created')
    expect(user).toMatchObject({ email: 'first@example.com', role: 'Admin', isOperator: false })
    expect(organization).toEqual({
      id: organization.id,
      name: 'Acme',
      tenantId: getTenantHash(organization.id),
    })
    const me = await app.call('GET', '/api/auth/me', { token })
    expect(me.body.data).toEqual({ user, organization })
    expect((await app.call('GET', '/api/risks', { token })).body.data).toEqual({ items: [], total: 0 })
  })

  it('refuses an address that has a user, in any spelling', async () => {
    await app.call('POST', '/api/auth/register', { body: registration('taken@example.com') })
    const again = await app.call('POST', '/api/auth/register', { body: registration('TAKEN@example.com') })
    expect(again).toMatchObject({ status: 409, body: { code: 'EMAIL_TAKEN' } })
  })

  it('lets one of two win that register one address at the same time', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => app.call('POST', '/api/auth/register', { body: registration('race@example.com') })),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, 409, 409])
  })

  it('says what is wrong with each field', async () => {
    const body = { ...registration('nonsense'), password: 'short' }
    const answer = await app.call('POST', '/api/auth/register', { body })
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({
      message: 'Bad Request',
      data: 'email: must be an email address; password: must have at least 8 characters',
      code: 'VALIDATION_FAILED',
      details: {
        problems: [
          { field: 'email', message: 'must be an email address' },
          { field: 'password', message: 'must have at least 8 characters' },
        ],
      },
    })
  })

  it('takes a password of 8 and of 1000 characters, and refuses 7 and 1001', async () => {
    const statusOf = async (length: number) =>
      (
        await app.call('POST', '/api/auth/register', {
          body: registration(`length${length}@example.com`, { password: 'x'.repeat(length) }),
        })
      ).status
    expect(await Promise.all([7, 8, 1000, 1001].map(statusOf))).toEqual([400, 201, 201, 400])
  })

  it('refuses the twenty-first within a minute from one address', async () => {
    const attempt = () => app.call('POST', '/api/auth/register', { body: registration('again@example.com') })
    const statuses: number[] = []
    for (let count = 0; count < 20; count++) statuses.push((await attempt()).status)
    expect(statuses).toEqual([201, ...Array(19).fill(409)])
    const refused = await attempt()
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'REGISTRATION_LIMIT', data: expect.stringMatching(/^Too many registrations.* \d+ seconds\.$/) },
    })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('refuses text that the database cannot store', async () => {
    const answer = await app.call('POST', '/api/auth/register', {
      body: registration('nul@example.com', { name: 'a\0b' }),
    })
    expect(answer).toMatchObject({ status: 400, body: { data: 'name: must not contain a NUL character' } })
  })
})

describe('signing in', () => {
  it('answers a session for the right password only, and with one sentence otherwise', async () => {
    const { email } = await app.register()
    const login = (body: object) => app.call('POST', '/api/auth/login', { body })
    const right = await login({ email: email.toUpperCase(), password: testPassword })
    expect(right).toMatchObject({ status: 200, body: { data: { user: { email } } } })
    expect(right.body.data.user.lastLogin).not.toBeNull()
    const wrong = await login({ email, password: 'wrong password' })
    const unknown = await login({ email: 'nobody@example.com', password: 'wrong password' })
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(wrong.body.data).toBe(unknown.body.data)
  })

  it('refuses text that the database cannot store', async () => {
    const answer = await app.call('POST', '/api/auth/login', {
      body: { email: 'a\0b@example.com', password: testPassword },
    })
    expect(answer).toMatchObject({ status: 400, body: { data: 'email: must not contain a NUL character' } })
  })

  it('refuses the eleventh attempt within a minute for one account, and not those for others', async () => {
    const { email } = await app.register()
    const attempt = (address: string) =>
      app.call('POST', '/api/auth/login', { body: { email: address, password: testPassword } })
    const statuses: number[] = []
    for (let count = 0; count < 10; count++) statuses.push((await attempt(email)).status)
    expect(statuses).toEqual(Array(10).fill(200))
    const refused = await attempt(email)
    expect(refused).toMatchObject({ status: 429, body: { code: 'LOGIN_LIMIT' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await attempt('somebody-else@example.com')).status).toBe(401)
  })

  it('refuses the fifty-first attempt within a minute from one address, whatever the accounts', async () => {
    const attempt = (number: number) =>
      app.call('POST', '/api/auth/login', { body: { email: `guess${number}@example.com`, password: 'wrong password' } })
    const statuses: number[] = []
    for (let number = 1; number <= 50; number++) statuses.push((await attempt(number)).status)
    expect(statuses).toEqual(Array(50).fill(401))
    expect(await attempt(51)).toMatchObject({ status: 429, body: { code: 'LOGIN_LIMIT' } })
  })

  it.each(['a known', 'an unknown'])(
    'does the same work for %s address, as what waits for it shows',
    async (address) => {
      const passwords = createPasswords()
      const known = await passwords.hash(testPassword)
      await passwords.verify(undefined, testPassword)
      const hash = address === 'a known' ? known : undefined
      const checks = Array.from({ length: 103 }, () => passwords.verify(hash, 'wrong password'))
      const settled = await Promise.allSettled(checks)
      expect(settled.slice(0, 102)).toEqual(Array(102).fill({ status: 'fulfilled', value: false }))
      expect(settled[102]).toMatchObject({ status: 'rejected', reason: { code: 'LOGIN_LIMIT' } })
    },
  )

  it('lets a hundred wait for a few at work, and refuses more than that', async () => {
    const passwords = createPasswords()
    const known = await passwords.hash(testPassword)
    // The hash for unknown people is made at the start and takes a place as well: wait until it is done.
    await passwords.verify(undefined, testPassword)
    const settled = await Promise.allSettled(Array.from({ length: 103 }, () => passwords.verify(known, testPassword)))
    expect(settled.slice(0, 102)).toEqual(Array(102).fill({ status: 'fulfilled', value: true }))
    expect(settled[102]).toMatchObject({ status: 'rejected', reason: { code: 'LOGIN_LIMIT' } })
    expect(await passwords.verify(known, testPassword)).toBe(true)
  })
})

describe('a session', () => {
  it('carries the claims that plugins of the first generation know', async () => {
    const { token, organizationId, tenantId, email } = await app.register()
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ email, roleName: 'Admin', organizationId, tenantId })
    expect(claims.sid).toMatch(/^[0-9a-f-]{36}$/)
    expect(Math.floor(claims.expire / 1000)).toBe(claims.exp)
  })

  it.each([
    ['nothing', undefined],
    ['no token', 'Bearer '],
    ['nonsense', 'Bearer a.b.c'],
    ['another scheme', 'Basic YTpi'],
  ])('is missing with %s', async (_case, authorization) => {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await app.call('GET', '/api/auth/me', { headers })
    expect(answer).toMatchObject({
      status: 401,
      body: { message: 'Unauthorized', data: 'User not authenticated', code: 'NOT_AUTHENTICATED' },
    })
  })

  it('cannot be forged without the secret, nor without a signature', async () => {
    const { token } = await app.register()
    const [header = '', payload = ''] = token.split('.')
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url')
    const otherKey = createHmac('sha256', 'another secret').update(`${header}.${payload}`).digest('base64url')
    for (const forged of [`${unsigned}.${payload}.`, `${header}.${payload}.${otherKey}`]) {
      expect((await app.call('GET', '/api/auth/me', { token: forged })).body.code).toBe('NOT_AUTHENTICATED')
    }
  })

  it('ends', async () => {
    const { organizationId, tenantId, email } = await app.register()
    const expired = await createSessions({ secret: testJwtSecret, lifetimeMs: -1000 }).issue({
      id: 1,
      email,
      roleName: 'Admin',
      organizationId,
      tenantId,
    })
    expect((await app.call('GET', '/api/auth/me', { token: expired })).body).toMatchObject({
      code: 'SESSION_EXPIRED',
      data: 'Your session has ended. Sign in again.',
    })
  })

  it('has the role that the database says, not the one that the token says', async () => {
    const admin = await app.register()
    const editor = await app.addUser(admin.token, 'Editor')
    await app.call('PATCH', `/api/users/${editor.id}`, { token: admin.token, body: { role: 'Auditor' } })
    const answer = await app.call('POST', '/api/risks', { token: editor.token, body: {} })
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'ROLE_FORBIDDEN', details: { needed: 'Editor', role: 'Auditor' } },
    })
  })

  it('knows an operator by the address', async () => {
    await app.call('POST', '/api/auth/register', { body: registration('ops@example.com') })
    const login = await app.call('POST', '/api/auth/login', {
      body: { email: 'ops@example.com', password: testPassword },
    })
    expect(login.body.data.user.isOperator).toBe(true)
    const principal = await app.authenticate({ headers: { authorization: `Bearer ${login.body.data.token}` } })
    expect(principal).toMatchObject({ role: 'Admin', isOperator: true })
  })
})

describe('people', () => {
  it('are added by an admin, with an event', async () => {
    const { token, organizationId } = await app.register()
    const body = { name: 'Ed', surname: 'Itor', email: 'Ed@example.com', role: 'Editor', password: testPassword }
    const added = await app.call('POST', '/api/users', { token, body })
    expect(added.status).toBe(201)
    expect(added.body.data).toEqual({
      id: added.body.data.id,
      name: 'Ed',
      surname: 'Itor',
      email: 'ed@example.com',
      role: 'Editor',
      createdAt: expect.any(String),
      lastLogin: null,
    })
    expect(await eventsOf(organizationId)).toMatchObject([
      { name: 'user.invited', payload: { userId: added.body.data.id, name: 'Ed Itor', role: 'Editor' } },
    ])
    const list = await app.call('GET', '/api/users?sort=-id&pageSize=1', { token })
    expect(list.body.data).toMatchObject({ total: 2, items: [{ email: 'ed@example.com' }] })
    expect((await app.call('GET', '/api/users?q=itor', { token })).body.data.total).toBe(1)
    expect((await app.call('GET', '/api/users?page=9', { token })).body.data).toEqual({ items: [], total: 2 })
  })

  it.each(['Reviewer', 'Editor', 'Auditor'])('cannot be added or listed by a %s', async (role) => {
    const admin = await app.register()
    const { token } = await app.addUser(admin.token, role)
    expect((await app.call('GET', '/api/users', { token })).status).toBe(403)
    expect((await app.call('POST', '/api/users', { token, body: {} })).status).toBe(403)
  })

  it.each(['Reviewer', 'Editor', 'Auditor'])('are known by name to a %s, without their addresses', async (role) => {
    const admin = await app.register()
    await app.register()
    const { id, token } = await app.addUser(admin.token, role)
    const me = (await app.call('GET', '/api/auth/me', { token: admin.token })).body.data.user
    const named = { name: expect.any(String), surname: expect.any(String) }
    const list = await app.call('GET', '/api/users/names', { token })
    expect(list.body.data).toEqual({
      items: [
        { id: me.id, ...named },
        { id, ...named },
      ],
      total: 2,
    })
    const second = await app.call('GET', '/api/users/names?pageSize=1&page=2', { token })
    expect(second.body.data).toMatchObject({ items: [{ id }], total: 2 })
    expect((await app.call('GET', '/api/users/names?page=9', { token })).body.data).toEqual({ items: [], total: 2 })
    expect((await app.call('GET', '/api/users/names')).status).toBe(401)
  })

  it('get another role, with an event, but never leave the organization without an admin', async () => {
    const { token, organizationId } = await app.register()
    const me = (await app.call('GET', '/api/auth/me', { token })).body.data.user
    const refused = await app.call('PATCH', `/api/users/${me.id}`, { token, body: { role: 'Editor' } })
    expect(refused).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    const other = await app.addUser(token, 'Reviewer')
    await app.call('PATCH', `/api/users/${other.id}`, { token, body: { role: 'Admin' } })
    expect((await app.call('PATCH', `/api/users/${me.id}`, { token, body: { role: 'Editor' } })).status).toBe(200)
    const changes = (await eventsOf(organizationId)).filter((event) => event.name === 'user.role_changed')
    expect(changes.map(({ payload }) => [payload['userId'], payload['from'], payload['to']])).toEqual([
      [other.id, 'Reviewer', 'Admin'],
      [me.id, 'Admin', 'Editor'],
    ])
  })

  it('keep one admin when two demote each other at the same time', async () => {
    const first = await app.register()
    const second = await app.addUser(first.token, 'Admin')
    const me = (await app.call('GET', '/api/auth/me', { token: first.token })).body.data.user
    const body = { role: 'Auditor' }
    await Promise.all([
      app.call('PATCH', `/api/users/${second.id}`, { token: first.token, body }),
      app.call('PATCH', `/api/users/${me.id}`, { token: second.token, body }),
    ])
    const { rows } = await app.pool.query('SELECT FROM public.users WHERE organization_id = $1 AND role_id = 1', [
      first.organizationId,
    ])
    expect(rows).toHaveLength(1)
  })

  it('of another organization are not found', async () => {
    const [mine, theirs] = [await app.register(), await app.register()]
    const person = await app.addUser(theirs.token, 'Editor')
    const answer = await app.call('PATCH', `/api/users/${person.id}`, { token: mine.token, body: { role: 'Admin' } })
    expect(answer).toMatchObject({ status: 404, body: { data: 'User not found' } })
  })

  it('do not get the address of an operator from an admin who is none', async () => {
    const { token } = await app.register()
    const body = { name: 'O', surname: 'P', email: 'OPS@example.com', role: 'Auditor', password: testPassword }
    expect((await app.call('POST', '/api/users', { token, body })).body.code).toBe('OPERATOR_ONLY')
  })
})
