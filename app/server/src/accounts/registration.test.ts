import { afterEach, expect, it } from 'vitest'
import { startTestApp, type TestApp, testPassword } from '../testing/test-app.js'

let app: TestApp
afterEach(() => app.stop())

const body = {
  organizationName: 'Acme',
  name: 'Ada',
  surname: 'Admin',
  email: 'ada@example.com',
  password: testPassword,
}

async function traces() {
  const { rows } = await app.pool.query<{ traces: string }>(
    `SELECT (SELECT count(*) FROM public.organizations) + (SELECT count(*) FROM public.users)
       + (SELECT count(*) FROM tenon.tenants) + (SELECT count(*) FROM tenon.outbox)
       + (SELECT count(*) FROM pg_namespace WHERE nspname ~ '^[A-Za-z0-9]{10}$') AS traces`,
  )
  return Number(rows[0]?.traces)
}

it('leaves nothing behind when the schema cannot be made, and works the next time', async () => {
  let fail = true
  app = await startTestApp({
    host: (host) => ({
      ...host,
      async createTenant(organizationId) {
        await host.createTenant(organizationId)
        if (fail) throw new Error('disk full')
      },
    }),
  })
  const failed = await app.call('POST', '/api/auth/register', { body })
  expect(failed).toMatchObject({ status: 500, body: { code: 'INTERNAL' } })
  expect(failed.body.error).toContain(failed.headers.get('x-request-id'))
  expect(JSON.stringify(failed.body)).not.toContain('disk full')
  expect(await traces()).toBe(0)
  fail = false
  expect((await app.call('POST', '/api/auth/register', { body })).status).toBe(201)
})

it('is undone at the next start when the server was killed in the middle of it', async () => {
  app = await startTestApp({ host: (host) => ({ ...host, createTenant: () => new Promise(() => undefined) }) })
  void app.call('POST', '/api/auth/register', { body }).catch(() => undefined)
  await expect.poll(() => traces()).toBeGreaterThan(0)
  await app.finishInterrupted()
  expect(await traces(), 'a registration that may still be at work is left alone').toBeGreaterThan(0)
  await app.pool.query(`UPDATE public.organizations SET state_changed_at = now() - interval '3 minutes'`)
  await app.finishInterrupted()
  expect(await traces()).toBe(0)
})

it('is for operators only when it is by invitation', async () => {
  app = await startTestApp({ settings: { registration: 'invite', operatorEmails: ['ops@example.com'] } })
  const refused = await app.call('POST', '/api/auth/register', { body })
  expect(refused).toMatchObject({ status: 403, body: { code: 'REGISTRATION_CLOSED' } })
  const operator = await app.call('POST', '/api/auth/register', { body: { ...body, email: 'Ops@example.com' } })
  expect(operator.status).toBe(201)
  expect(await traces()).toBe(4)
})
