import { afterEach, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../testing/test-app.js'

let app: TestApp
afterEach(() => app.stop())

async function tracesOf({ organizationId, tenantId }: { organizationId: number; tenantId: string }) {
  const { rows } = await app.pool.query<{ where: string }>(
    `SELECT 'organizations' AS where FROM public.organizations WHERE id = $1
     UNION ALL SELECT 'users' FROM public.users WHERE organization_id = $1
     UNION ALL SELECT 'tenants' FROM tenon.tenants WHERE organization_id = $1
     UNION ALL SELECT 'outbox' FROM tenon.outbox WHERE organization_id = $1
     UNION ALL SELECT 'migrations' FROM tenon.migrations WHERE scope = $2
     UNION ALL SELECT 'schema' FROM pg_namespace WHERE nspname = $2
     UNION ALL SELECT 'audit' FROM public.audit_lines WHERE organization_id = $1`,
    [organizationId, tenantId],
  )
  return rows.map((row) => row.where)
}

it('leaves one audit line and no other trace, and touches nobody else', async () => {
  app = await startTestApp()
  const [gone, stays] = [await app.register('Gone Inc.'), await app.register('Stays Inc.')]
  await app.addUser(gone.token, 'Editor')
  const removed = await app.call('DELETE', '/api/organization', { token: gone.token, body: { name: 'Gone Inc.' } })
  expect(removed).toMatchObject({ status: 200, body: { data: 'Organization removed' } })
  expect(await tracesOf(gone)).toEqual(['audit'])
  expect((await app.call('GET', '/api/auth/me', { token: gone.token })).body.code).toBe('SESSION_EXPIRED')
  expect((await app.call('GET', '/api/auth/me', { token: stays.token })).status).toBe(200)
})

it('needs an admin, and the name exactly as it is written', async () => {
  app = await startTestApp()
  const admin = await app.register('Acme')
  const editor = await app.addUser(admin.token, 'Editor')
  const remove = (token: string, name: string) => app.call('DELETE', '/api/organization', { token, body: { name } })
  expect((await remove(editor.token, 'Acme')).status).toBe(403)
  expect((await remove(admin.token, 'acme')).status).toBe(400)
  expect((await app.call('GET', '/api/auth/me', { token: admin.token })).status).toBe(200)
})

it('is finished at the next start when it was cut off', async () => {
  let fail = true
  app = await startTestApp({
    host: (host) => ({
      ...host,
      removeTenant: (id) => (fail ? Promise.reject(new Error('cut off')) : host.removeTenant(id)),
    }),
  })
  const admin = await app.register('Acme')
  const answer = await app.call('DELETE', '/api/organization', { token: admin.token, body: { name: 'Acme' } })
  expect(answer.status).toBe(500)
  expect((await app.call('GET', '/api/auth/me', { token: admin.token })).body.code).toBe('SESSION_EXPIRED')
  const login = { email: admin.email, password: 'correct horse battery' }
  expect((await app.call('POST', '/api/auth/login', { body: login })).status).toBe(401)
  await app.finishInterrupted()
  expect(await tracesOf(admin)).toContain('schema')
  fail = false
  await app.finishInterrupted()
  expect(await tracesOf(admin)).toEqual(['audit'])
})
