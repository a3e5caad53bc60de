import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConnectionStore } from '../connections/connection-store.js'
import { createSealer } from '../secrets/sealer.js'
import { getTenantHash } from '../tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from '../testing/host-in-test.js'
import { createWebhookStore } from '../webhooks/webhook-store.js'
import { openAudit } from './open-audit.js'
import { rotateKeys } from './rotate-keys.js'

const [oldKey, newKey] = ['the old key of this test', 'the new key of this test']
const newFirst = createSealer([newKey, oldKey])
const owner = { organizationId: 1, tenantId: getTenantHash(1), pluginKey: 'keeper' }

const keeper: TestPlugin = {
  key: 'keeper',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: {
      configuration: {
        type: 'object',
        properties: {
          list: { type: 'array', items: { properties: { token: { writeOnly: true } } } },
          pin: { writeOnly: true },
        },
      },
      connections: [{ id: 'account', kind: 'oauth2', provider: 'somewhere' }],
    },
  },
  files: {
    'index.ts': `
      export const install = async (_user: number, _tenant: string, _config: any, { sequelize, secrets }: any) => {
        await sequelize.query('CREATE TABLE kept (sealed text)')
        await sequelize.query('INSERT INTO kept VALUES (:sealed)', { replacements: { sealed: await secrets.seal('kept by the plugin') } })
        return { success: true }
      }
      export const uninstall = install
      export const metadata = {}
      export const router = {
        'GET /secrets': async ({ configuration, connections, sequelize, secrets }: any) => {
          const [connection] = await connections.list()
          const [[{ sealed }]] = await sequelize.query('SELECT sealed FROM kept')
          return { data: { configuration, token: (await connections.open(connection.id)).accessToken, own: await secrets.open(sealed) } }
        },
      }`,
  },
}

let it: HostInTest
let webhookId: number
let webhookSecret: string
const tenant = { organizationId: 1, schema: owner.tenantId }
const configuration = { pin: 'pin-1', list: [{ token: 'token-1' }, { token: 'token-2' }] }
const expected = { configuration, token: 'access-token', own: 'kept by the plugin' }
const secretsOf = async (from: Replica) => (await from.api('GET', '/keeper/secrets')).content

beforeAll(async () => {
  const connection = {
    clientId: 'a',
    clientSecret: 'b',
    authorizeUrl: 'https://x.example',
    tokenUrl: 'https://x.example',
    audience: [],
  }
  it = await startHostInTest({ secretKeys: [oldKey, newKey], grantable: { connections: { keeper: connection } } })
  await it.publish(keeper)
  const { content } = await it.api('POST', '/install', { pluginKey: 'keeper' })
  const saved = await it.api('PUT', `/installations/${(content as { id: number }).id}/configuration`, { configuration })
  expect(saved, JSON.stringify(saved.body)).toMatchObject({ status: 200 })
  const store = createConnectionStore({ pool: it.pool, sealer: createSealer([oldKey]) })
  await store.save(owner, {
    contributionId: 'account',
    provider: 'somewhere',
    account: { id: '1', name: 'One' },
    details: {},
    settings: {},
    connectedBy: 1,
    tokens: { accessToken: 'access-token', secrets: {} },
  })
  const webhooks = createWebhookStore({ pool: it.pool, sealer: createSealer([oldKey]) })
  const webhook = await webhooks.create(tenant, { url: 'https://x.example/', events: ['a.b'], description: '' }, 1)
  webhookId = webhook.id
  webhookSecret = webhook.secret
})
afterAll(() => it.close())

test('a rotation that was cut off goes on, while calls go on, and then the old key is not needed any more', async () => {
  expect(await secretsOf(it)).toEqual(expected)
  let over = false
  let calls = 0
  const calling = (async () => {
    while (!over) {
      expect(await secretsOf(it)).toEqual(expected)
      calls += 1
    }
  })()
  const cutOff = rotateKeys({
    pool: it.pool,
    sealer: newFirst,
    onProgress: () => {
      throw new Error('cut off')
    },
  })
  await expect(cutOff).rejects.toThrow('cut off')
  const rest = await rotateKeys({ pool: it.pool, sealer: newFirst })
  expect(rest).toEqual({ configurations: 1, connections: 0, webhooks: 1, dataKeys: 0, unreadable: [] })
  expect(await rotateKeys({ pool: it.pool, sealer: newFirst })).toMatchObject({ configurations: 0 })
  const before = calls
  while (calls < before + 3) await new Promise((go) => setTimeout(go, 10))
  over = true
  await calling

  const replica = await it.startReplica({ secretKeys: [newKey] })
  expect(await secretsOf(replica)).toEqual(expected)
  await replica.close()
  const webhooks = createWebhookStore({ pool: it.pool, sealer: createSealer([newKey]) })
  expect(await webhooks.secretOf(tenant, webhookId)).toBe(webhookSecret)
  const audit = await openAudit({ pool: it.pool, sealer: createSealer([newKey]) })
  expect(await audit.verify()).toMatchObject({ entries: 2 })
  expect(
    (await it.pool.query(`SELECT FROM tenon.data_keys WHERE sealed LIKE 'v1.' || $1 || '.%'`, [newFirst.currentKeyId]))
      .rowCount,
  ).toBe(5)
})

test('what no key opens is named, and stays as it is', async () => {
  const lost = createConnectionStore({ pool: it.pool, sealer: createSealer(['a key that was lost']) })
  const { id } = await lost.save(owner, {
    contributionId: 'account',
    provider: 'somewhere',
    account: { id: '2', name: 'Two' },
    details: {},
    settings: {},
    connectedBy: 1,
    tokens: { accessToken: 'x', secrets: {} },
  })
  expect(await rotateKeys({ pool: it.pool, sealer: newFirst })).toMatchObject({
    unreadable: [`connections ${id} of keeper in ${owner.tenantId}`],
  })
  expect(await lost.open(owner, id)).toMatchObject({ accessToken: 'x' })
})

test('every column that holds something sealed is known to the rotation', async () => {
  const { rows } = await it.pool.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
     WHERE table_schema = 'tenon' AND column_name LIKE '%sealed%' ORDER BY name`,
  )
  expect(rows.map(({ name }) => name)).toEqual([
    'connections.sealed_tokens',
    'data_keys.sealed',
    'webhooks.sealed_secret',
  ])
})
