import { cp, mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { permissionIds } from '@tenon/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { packMarketplace } from './artifacts/packing.js'
import { createConnectionStore } from './connections/connection-store.js'
import { parseAllowPrivate, parseHostMap } from './egress/index.js'
import { createSealer } from './secrets/sealer.js'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest } from './testing/host-in-test.js'
import { applicationGrantable } from './testing/tenancy-database.js'

const key = 'user-of-all'
const entry = {
  key,
  name: key,
  displayName: key,
  description: 'Asks for something of every kind',
  version: '1.0.0',
  category: 'data_management',
  isOfficial: false,
  isPublished: true,
  requiresConfiguration: false,
  installationType: 'tenant_scoped',
  pluginPath: key,
  entryPoint: 'index.ts',
  permissions: {
    database: {
      tenantSchema: true,
      tables: { projects: ['select', 'insert'], 'public.slack_webhooks': ['update', 'delete'] },
    },
    network: { hosts: ['service.example:8080'], fromConfiguration: ['first', 'second'] },
    environment: ['USED_KEY'],
    events: ['thing.*'],
    schedule: true,
  },
  contributes: {
    configuration: { type: 'object', properties: { first: { type: 'string' }, second: { type: 'string' } } },
    connections: [{ id: 'account', kind: 'oauth2', provider: 'somewhere' }],
    actions: [{ id: 'tidy', title: 'Tidy', route: 'POST /tidy', schedule: '0 3 * * *' }],
    events: [{ name: 'thing.happened', handler: 'onThing' }],
    publishes: ['user-of-all.done'],
    ui: { entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }], routes: [] },
  },
}
const files = {
  'ui.ts': `document.title = 'own'`,
  'index.ts': `
    export const install = async () => ({ success: true })
    export const uninstall = install
    export const metadata = {}
    export const onThing = async () => undefined
    export const router = {
      'POST /statement': async ({ sequelize, body }: any) => { await sequelize.query(body.sql); return { data: 'done' } },
      'POST /fetch': async ({ body }: any) => ({ data: await (await fetch(body.url)).text() }),
      'POST /open': async ({ connections }: any) => ({ data: (await connections.open((await connections.list())[0].id)).accessToken }),
      'POST /publish': async ({ publish }: any) => { await publish('user-of-all.done', {}); return { data: 'done' } },
      'POST /nothing': async () => ({ data: process.env.USED_KEY }),
      'POST /tidy': async () => ({ data: { success: true } }),
    }`,
}

let it: HostInTest
let service: Server
let id = 0

beforeAll(async () => {
  vi.stubEnv('USED_KEY', 'value of the operator')
  service = createServer((_request, response) => response.end('answer'))
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const { port } = service.address() as AddressInfo
  const names = ['service.example:8080', 'one.example:80', 'two.example:80']
  it = await startHostInTest({
    publicUrl: 'https://app.example',
    limits: { records: { writeEveryMs: 50 }, jobs: { pollMs: 100 } },
    egress: {
      hostMap: parseHostMap(names.map((name) => `${name}=127.0.0.1:${port}`).join(',')),
      allowPrivate: parseAllowPrivate(`127.0.0.1/32:${port}`),
    },
    grantable: {
      tables: applicationGrantable,
      environment: { [key]: ['USED_KEY'] },
      connections: {
        [key]: {
          clientId: 'a',
          clientSecret: 'b',
          authorizeUrl: 'https://x.example',
          tokenUrl: 'https://x.example',
          audience: [],
        },
      },
    },
  })
  await publishPacked()
  const { content, body } = await it.api('POST', '/install', { pluginKey: key })
  id = (content as { id: number }).id
  expect(id, JSON.stringify(body)).toBeGreaterThan(0)
  const configuration = { first: 'http://one.example', second: 'http://two.example' }
  const saved = await it.api('PUT', `/installations/${id}/configuration`, { configuration })
  expect(saved, JSON.stringify(saved.body)).toMatchObject({ status: 200 })
  const store = createConnectionStore({ pool: it.pool, sealer: createSealer(['a secret key of this test']) })
  await store.save(
    { organizationId: 1, tenantId: getTenantHash(1), pluginKey: key },
    {
      contributionId: 'account',
      provider: 'somewhere',
      account: { id: '1', name: 'One' },
      details: {},
      settings: {},
      connectedBy: 1,
      tokens: { accessToken: 'token', secrets: {} },
    },
  )
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await it.close()
  service.close()
})

/** A UI of a plugin's own comes packed. */
async function publishPacked(): Promise<void> {
  const marketplaceDir = path.join(it.directory, 'sources')
  await mkdir(path.join(marketplaceDir, key), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(marketplaceDir, key, name), text)
  await writeFile(path.join(marketplaceDir, 'plugins.json'), JSON.stringify({ plugins: [entry] }))
  const { packed, outDir } = await packMarketplace({ marketplaceDir, outDir: path.join(it.directory, 'packed') })
  await cp(path.join(outDir, 'artifacts'), path.join(it.registry.directory, 'artifacts'), { recursive: true })
  await it.publish({ key, entry: { ...entry, artifact: packed[0]?.artifact }, files: {} })
}

interface Use {
  id: string
  uses: number
  lastUsedAt: string | null
}
const permissions = async () =>
  ((await it.api('GET', `/installations/${id}/permissions`)).content as { permissions: Use[] }).permissions

const post = async (route: string, body: object = {}) => {
  const answer = await it.api('POST', `/${key}${route}`, body)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
}
const statement = (sql: string) => () => post('/statement', { sql })
const fetchOf = (url: string) => () => post('/fetch', { url })

async function openFrame(): Promise<void> {
  const { content } = await it.api('POST', `/installations/${id}/frame`)
  const response = await fetch(`${it.url}/api/plugins${(content as { path: string }).path}`)
  expect(response.status).toBe(200)
}

type Kind = keyof typeof permissionIds
const uses: [kind: Kind, permission: string, use: () => Promise<unknown>][] = [
  ['ownTables', 'own-tables', statement('CREATE TABLE mine (a int)')],
  ['ownTables', 'own-tables', statement('INSERT INTO mine VALUES (1)')],
  ['table', 'table:projects:select', statement('SELECT * FROM projects')],
  ['table', 'table:projects:insert', statement(`INSERT INTO projects (project_title) VALUES ('x')`)],
  ['table', 'table:public.slack_webhooks:update', statement('UPDATE public.slack_webhooks SET is_active = false')],
  ['table', 'table:public.slack_webhooks:delete', statement('DELETE FROM public.slack_webhooks')],
  ['host', 'network:service.example:8080', fetchOf('http://service.example:8080/')],
  ['configuredHost', 'network-setting:first', fetchOf('http://one.example/')],
  ['configuredHost', 'network-setting:second', fetchOf('http://two.example/')],
  ['connection', 'connection:account', () => post('/open')],
  ['environment', 'environment:USED_KEY', () => post('/nothing')],
  [
    'event',
    'event:thing.*',
    () =>
      it.pool.query(
        `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (1, 'app', 'thing.happened', '{}')`,
      ),
  ],
  ['publish', 'publish:user-of-all.done', () => post('/publish')],
  [
    'schedule',
    'schedule',
    () => it.pool.query(`UPDATE tenon.plugin_schedules SET next_run_at = now() WHERE action = 'tidy'`),
  ],
  ['ui', 'ui', openFrame],
]

test('something of every kind is asked for and used here', async () => {
  expect([...new Set(uses.map(([kind]) => kind))].sort()).toEqual(Object.keys(permissionIds).sort())
  expect([...new Set(uses.map(([, permission]) => permission))].sort()).toEqual(
    (await permissions()).map((one) => one.id).sort(),
  )
})

test.each(uses)('a use of a permission is counted with its time: %s, %s', async (_kind, permission, use) => {
  const before = new Map((await permissions()).map((one) => [one.id, one]))
  const startedAt = Date.now()
  await use()
  await vi.waitFor(
    async () => {
      const after = (await permissions()).find((one) => one.id === permission)
      expect(after?.uses).toBeGreaterThan(before.get(permission)?.uses ?? 0)
      const usedAt = Date.parse(after?.lastUsedAt ?? '')
      expect(usedAt).toBeGreaterThanOrEqual(startedAt)
      expect(usedAt).toBeLessThanOrEqual(Date.now())
    },
    { timeout: 10_000, interval: 50 },
  )
  // Nothing else was counted but the value of the environment, which every call is given.
  const others = (await permissions()).filter((one) => one.id !== permission && one.id !== 'environment:USED_KEY')
  for (const one of others) expect(one).toEqual(before.get(one.id))
})
