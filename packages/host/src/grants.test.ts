import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseHostMap } from './egress/index.js'
import { applicationGrantable } from './testing/tenancy-database.js'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const schema = getTenantHash(1)

const asker: TestPlugin = {
  key: 'asker',
  entry: {
    permissions: {
      database: { tenantSchema: true, tables: { risks: ['select', 'insert'], 'public.users': ['select'] } },
      network: { hosts: ['service.example:8080'] },
      environment: ['ASKER_KEY'],
      events: ['thing.*'],
      schedule: true,
    },
    contributes: { events: [{ name: 'thing.happened', handler: 'onThing' }], publishes: ['asker.done'] },
  },
  files: {
    'index.ts': `
      import { isPermissionDenied, missingPermission } from '@tenon/sdk'
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      export const onThing = async () => console.log('heard of a thing')
      const attempt = async (work: () => Promise<unknown>) => {
        try { await work(); return { data: 'done' } }
        catch (error: any) {
          return { data: { name: error.name, message: error.message, denied: isPermissionDenied(error), permission: missingPermission(error), cause: error.cause?.code } }
        }
      }
      export const router = {
        'GET /read': ({ sequelize }: any) => attempt(() => sequelize.query('SELECT id FROM risks')),
        'POST /write': ({ sequelize }: any) => attempt(() => sequelize.query("INSERT INTO risks (risk_name) VALUES ('of asker')")),
        'GET /users': ({ sequelize }: any) => attempt(() => sequelize.query('SELECT id FROM public.users')),
        'GET /projects': ({ sequelize }: any) => attempt(() => sequelize.query('SELECT * FROM projects')),
        'POST /own': ({ sequelize, body }: any) => attempt(() => sequelize.query('CREATE TABLE ' + body.name + ' (a int)')),
        'GET /fetch': () => attempt(() => fetch('http://service.example:8080/')),
        'GET /elsewhere': () => attempt(() => fetch('http://elsewhere.example:8080/')),
        'POST /publish': ({ publish }: any) => attempt(() => publish('asker.done', {})),
        'POST /publish-other': ({ publish }: any) => attempt(() => publish('other.done', {})),
        'GET /environment': () => ({ data: process.env.ASKER_KEY ?? 'none' }),
      }`,
  },
}

let it: HostInTest
let id: number
let service: Server

beforeAll(async () => {
  vi.stubEnv('ASKER_KEY', 'value-of-the-operator')
  service = createServer((_request, response) => response.end('ok'))
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const { port } = service.address() as AddressInfo
  it = await startHostInTest({
    grantable: { tables: applicationGrantable, environment: { asker: ['ASKER_KEY'] }, allowUndeclared: true },
    egress: { hostMap: parseHostMap(`service.example:8080=127.0.0.1:${port}`) },
  })
  await it.publish(asker)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await it.close()
  service.close()
})

const ids = () => asked.map(({ id: one }) => one)
let asked: { id: string; sentence: string }[] = []
const install = async (permissions?: string[]) => {
  const answer = await it.api('POST', '/install', { pluginKey: 'asker', ...(permissions ? { permissions } : {}) })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  id = (answer.content as { id: number }).id
}
const grant = (permissions: string[]) => it.api('PUT', `/installations/${id}/permissions`, { permissions })
const post = async (path: string, body?: object) => (await it.api('POST', `/asker${path}`, body)).content
const get = async (path: string) => (await it.api('GET', `/asker${path}`)).content
const permission = async (name: string) => {
  const { content } = await it.api('GET', `/installations/${id}/permissions`)
  return (content as { permissions: { id: string }[] }).permissions.find((one) => one.id === name)
}
const denied = (name: string) => ({ denied: true, name: 'PermissionDenied', permission: name })
/** `fetch` fails with an error of its own, around the one that says so. */
const deniedHost = (host: string) => ({ denied: true, name: 'TypeError', permission: `network:${host}` })
const thingHappened = () =>
  it.pool.query(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (1, 'app', 'thing.happened', '{}')`,
  )

test('the marketplace says what a plugin asks for, one by one', async () => {
  const { content } = await it.api('GET', '/marketplace/asker')
  asked = (content as { asks: typeof asked }).asks
  expect(asked).toContainEqual({
    id: 'table:risks:insert',
    group: 'change',
    sentence: 'Add rows to the table risks',
  })
  expect(ids()).toHaveLength(9)
})

test('what a plugin does not ask for cannot be granted', async () => {
  const answer = await it.api('POST', '/install', { pluginKey: 'asker', permissions: ['table:projects:select'] })
  expect(answer).toMatchObject({ status: 400, content: 'asker does not ask for "table:projects:select".' })
  expect((await it.api('GET', '/installations')).content).toEqual([])
})

describe('an installation that says what was shown before it was agreed to', () => {
  const shown = (changes: object = {}) => ({ version: '1.0.0', permissions: ids(), ...changes })
  const attempt = (what: object) => it.api('POST', '/install', { pluginKey: 'asker', permissions: ids(), shown: what })

  test.each([
    ['another version', () => shown({ version: '0.9.0' }), 'it is at version 1.0.0 now'],
    ['other code', () => shown({ digest: 'a'.repeat(64) }), 'its code is another one'],
    [
      'less',
      () => shown({ permissions: ids().filter((one) => one !== 'table:risks:insert') }),
      'it asks for more: Add rows to the table risks',
    ],
    ['more', () => shown({ permissions: [...ids(), 'table:projects:select'] }), 'it asks for less'],
    ['nothing declared', () => shown({ permissions: null }), 'it asks for more: '],
  ])('is refused when that was %s', async (_what, was, change) => {
    const answer = await attempt(was())
    expect(answer).toMatchObject({ status: 409, body: { code: 'CONSENT_OUTDATED' } })
    expect(answer.content).toContain(change)
    expect(answer.content).toContain('Look at what it asks for now')
    expect((await it.api('GET', '/installations')).content).toEqual([])
  })

  test('is made when it still is that, in whatever order', async () => {
    expect(await attempt(shown({ permissions: ids().reverse() }))).toMatchObject({ status: 201 })
    id = ((await it.api('GET', '/installations')).content as { id: number }[])[0]?.id ?? 0
    await it.api('DELETE', `/installations/${id}`)
  })
})

describe('an installation without any permission', () => {
  test('is made, and the plugin is told of each that is missing', async () => {
    await install([])
    expect(await get('/read')).toMatchObject({
      ...denied('table:risks:select'),
      message: 'permission denied for table risks',
    })
    expect(await post('/write')).toMatchObject(denied('table:risks:insert'))
    expect(await get('/users')).toMatchObject(denied('table:public.users:select'))
    expect(await post('/publish')).toMatchObject(denied('publish:asker.done'))
    expect(await get('/fetch')).toMatchObject({
      ...deniedHost('service.example:8080'),
      message: 'fetch failed',
      cause: 'EACCES',
    })
    expect(await get('/environment')).toBe('none')
    expect(await post('/own', { name: 'mine' })).toMatchObject({
      message: expect.stringContaining('permission denied') as string,
    })
  })

  test('hears of no event', async () => {
    await thingHappened()
    await vi.waitFor(async () => {
      const { rows } = await it.pool.query('SELECT FROM tenon.outbox WHERE dispatched_at IS NULL')
      expect(rows).toEqual([])
    })
    expect((await it.pool.query('SELECT FROM tenon.event_deliveries')).rows).toEqual([])
  })

  test('shows what was refused, and how often', async () => {
    expect(await permission('table:risks:insert')).toMatchObject({
      granted: false,
      uses: 0,
      lastUsedAt: null,
      refusals: 1,
      lastRefusedAt: expect.any(String) as string,
    })
  })

  test('holds no right in the database', async () => {
    const { rows } = await it.pool.query<{ may: boolean }>(
      `SELECT has_any_column_privilege(role, '"${schema}".risks', 'SELECT, INSERT') OR has_schema_privilege(role, $1, 'CREATE') AS may
       FROM tenon.plugin_roles WHERE owner_key = 'asker'`,
      [schema],
    )
    expect(rows).toEqual([{ may: false }])
  })
})

describe('permissions that are granted later', () => {
  test('count at once: tables, hosts, names of events, subscriptions, values of the environment', async () => {
    const answer = await grant(ids())
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, content: { declared: true } })
    for (const path of ['/read', '/users', '/fetch']) expect(await get(path), path).toBe('done')
    expect(await post('/write')).toBe('done')
    expect(await post('/publish')).toBe('done')
    expect(await post('/own', { name: 'mine' })).toBe('done')
    expect(await get('/environment')).toBe('value-of-the-operator')
    await thingHappened()
    await vi.waitFor(() => expect(it.log.join('')).toContain('heard of a thing'))
  })

  test('are counted with each use', async () => {
    await get('/read')
    expect(await permission('table:risks:select')).toMatchObject({ granted: true, uses: 2 })
    expect(await permission('network:service.example:8080')).toMatchObject({ granted: true, uses: 1 })
    expect(await permission('event:thing.*')).toMatchObject({ uses: 1 })
    expect(await permission('environment:ASKER_KEY')).toMatchObject({ lastUsedAt: expect.any(String) as string })
    expect(await permission('publish:asker.done')).toMatchObject({ uses: 1, lastUsedAt: expect.any(String) as string })
  })

  test('are taken away one by one, also from a process that runs', async () => {
    expect(
      await grant(ids().filter((one) => one !== 'table:risks:insert' && one !== 'network:service.example:8080')),
    ).toMatchObject({ status: 200 })
    expect(await post('/write')).toMatchObject(denied('table:risks:insert'))
    expect(await get('/read')).toBe('done')
    expect(await get('/fetch')).toMatchObject(deniedHost('service.example:8080'))
  })

  test('do not change what was never asked for', async () => {
    expect(await get('/projects')).toMatchObject({ denied: false, name: 'SequelizeDatabaseError' })
    expect(await post('/publish-other')).toMatchObject({ denied: true })
    expect(await get('/elsewhere')).toMatchObject({ cause: 'EACCES', permission: 'network:elsewhere.example:8080' })
    const { content } = await it.api('GET', `/installations/${id}/permissions`)
    const { refused } = content as { refused: { permission: string }[] }
    expect(refused.map((one) => one.permission)).toEqual([
      'database',
      'network:elsewhere.example:8080',
      'publish:other.done',
    ])
  })

  test('are in the history, and in the audit, with who changed them', async () => {
    const { content } = await it.api('GET', `/installations/${id}/activity`)
    expect((content as { items: unknown[] }).items[0]).toMatchObject({
      action: 'grant',
      userId: 1,
      before: { granted: ids() },
    })
    const { rows } = await it.pool.query(`SELECT FROM tenon.audit WHERE action = 'grant' AND plugin_key = 'asker'`)
    expect(rows).toHaveLength(2)
  })

  test('are an admin’s to change', async () => {
    const answer = await it.api('PUT', `/installations/${id}/permissions`, { permissions: [] }, { role: 'Editor' })
    expect(answer).toMatchObject({ status: 403, body: { code: 'ROLE_FORBIDDEN' } })
  })
})

test('a change of permissions whose server died is finished by another', async () => {
  await it.pool.query(
    `UPDATE "${schema}".plugin_installations SET claimed_by = 'dead', claim_expires_at = now() - interval '1 s',
       metadata = metadata || '{"granting": []}' WHERE id = $1`,
    [id],
  )
  await it.pool.query(
    `INSERT INTO tenon.open_claims (organization_id, installation_id, expires_at) VALUES (1, $1, now() - interval '1 s')`,
    [id],
  )
  const replica = await it.startReplica()
  await vi.waitFor(async () => expect(await permission('table:risks:select')).toMatchObject({ granted: false }), {
    timeout: 10_000,
  })
  await replica.close()
  expect(await get('/read')).toMatchObject(denied('table:risks:select'))
})

test('a plugin that declares nothing has nothing to choose from, and the page says what it gets', async () => {
  const { permissions: _none, contributes: _neither, ...entry } = asker.entry ?? {}
  await it.publish({ key: 'undeclared', entry: { ...entry, permissions: undefined }, files: asker.files })
  const refused = await it.api('POST', '/install', { pluginKey: 'undeclared', permissions: [] })
  expect(refused).toMatchObject({ status: 400, content: expect.stringContaining('nothing to choose') as string })
  const shown = (permissions: string[] | null) => ({
    pluginKey: 'undeclared',
    shown: { version: '1.0.0', permissions },
  })
  expect(await it.api('POST', '/install', shown([]))).toMatchObject({
    status: 409,
    content: expect.stringContaining('it no longer declares what it needs') as string,
  })
  const installed = (await it.api('POST', '/install', shown(null))).content as { id: number }
  const { content } = await it.api('GET', `/installations/${installed.id}/permissions`)
  expect(content).toMatchObject({ declared: false, permissions: [{ id: 'compatibility:database', granted: true }, {}] })
})
