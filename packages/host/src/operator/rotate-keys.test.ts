import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createConnectionStore } from '../connections/connection-store.js'
import { createConfigurationVault } from '../secrets/configuration-vault.js'
import { createSchemaThreads } from '../secrets/schema-threads.js'
import { createSealer } from '../secrets/sealer.js'
import { getTenantHash } from '../tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from '../testing/host-in-test.js'
import { createWebhookStore } from '../webhooks/webhook-store.js'
import { openAudit } from './open-audit.js'
import { rotateKeys } from './rotate-keys.js'

const [oldKey, newKey] = ['the old key of this test', 'the new key of this test']
const nextKey = 'the next key of this test'
const newFirst = createSealer([newKey, oldKey])
const nextFirst = createSealer([nextKey, newKey])
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
          kept: { writeOnly: true },
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
      export const configure = async (_user: number, _tenant: string, { pin }: any) => {
        if (pin !== 'slow') return { success: true }
        console.log('begins to think')
        await new Promise((go) => setTimeout(go, 1_000))
        return { success: true }
      }
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
let provider: Server
/** The last token that the provider gave. */
let granted = ''
let installationId: number
let webhookId: number
let webhookSecret: string
const tenant = { organizationId: 1, schema: owner.tenantId }
const configuration = { pin: 'pin-1', kept: 'kept-1', list: [{ token: 'token-1' }, { token: 'token-2' }] }
const expected = { configuration, token: 'access-token', own: 'kept by the plugin' }
/** Of the configuration, as a person sees it who has its form open. */
const revisionSeen = async () =>
  ((await it.api('GET', '/installations')).content as [{ configurationRevision: string }])[0].configurationRevision
const secretsOf = async (from: Replica) => (await from.api('GET', '/keeper/secrets')).content

beforeAll(async () => {
  let tokens = 0
  provider = createServer((_request, response) => {
    granted = `token ${(tokens += 1)}`
    response.end(JSON.stringify({ access_token: granted, refresh_token: `again ${granted}`, expires_in: 1 }))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const connection = {
    clientId: 'a',
    clientSecret: 'b',
    authorizeUrl: 'https://x.example',
    tokenUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/`,
    audience: [],
  }
  it = await startHostInTest({ secretKeys: [oldKey, newKey], grantable: { connections: { keeper: connection } } })
  await it.publish(keeper)
  const { content } = await it.api('POST', '/install', { pluginKey: 'keeper' })
  installationId = (content as { id: number }).id
  const saved = await it.api('PUT', `/installations/${installationId}/configuration`, { configuration })
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
afterAll(async () => {
  await it.close()
  provider.close()
})

test('a rotation that was cut off goes on, while calls go on, and then the old key is not needed any more', async () => {
  expect(await secretsOf(it)).toEqual(expected)
  const revision = await revisionSeen()
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
  expect(rest).toEqual({ configurations: 1, connections: 0, webhooks: 1, dataKeys: 0, unreadable: [], left: [] })
  expect(await rotateKeys({ pool: it.pool, sealer: newFirst })).toMatchObject({ configurations: 0 })
  const before = calls
  while (calls < before + 3) await new Promise((go) => setTimeout(go, 10))
  over = true
  await calling
  expect(await revisionSeen()).toBe(revision)

  const replica = await it.startReplica({ secretKeys: [newKey] })
  expect(await secretsOf(replica)).toEqual(expected)
  await replica.close()
  const webhooks = createWebhookStore({ pool: it.pool, sealer: createSealer([newKey]) })
  expect(await webhooks.secretOf(tenant, webhookId)).toBe(webhookSecret)
  const audit = await openAudit({ pool: it.pool, sealer: createSealer([newKey]) })
  // Installing, configuring, and each of the three rotations.
  expect(await audit.verify()).toEqual({ entries: 5 })
  expect(
    (await it.pool.query(`SELECT FROM tenon.data_keys WHERE sealed LIKE 'v1.' || $1 || '.%'`, [newFirst.currentKeyId]))
      .rowCount,
  ).toBe(5)
})

describe('while servers have the next key already', () => {
  let two: Replica
  beforeAll(async () => {
    two = await it.startReplica({ secretKeys: [nextKey, newKey] })
  })
  afterAll(() => two.close())

  const save = (sent: object) =>
    two.api('PUT', `/installations/${installationId}/configuration`, { configuration: sent })

  test('a secret that a person keeps is under the new key, also when it was read before the rotation and is written after it', async () => {
    const saving = save({ pin: 'slow' })
    await vi.waitFor(() => expect(two.log.join('')).toContain('begins to think'), 10_000)
    expect(await rotateKeys({ pool: it.pool, sealer: nextFirst })).toMatchObject({ configurations: 1, unreadable: [] })
    expect(await saving).toMatchObject({ status: 200 })
    const { rows } = await it.pool.query<{ configuration: object }>(
      `SELECT configuration FROM "${owner.tenantId}".plugin_installations`,
    )
    const seals = JSON.stringify(rows).match(/v1\.[^.]+\./g)
    expect(seals).toHaveLength(2)
    expect(new Set(seals)).toEqual(new Set([`v1.${nextFirst.currentKeyId}.`]))
  })

  test('what is renewed or saved between the reading and the writing of a rotation is not lost, and no call fails', async () => {
    const earlier = createConnectionStore({ pool: it.pool, sealer: createSealer([newKey]) })
    const [account] = await earlier.list(owner)
    const accountId = account?.id ?? 0
    const tokens = { accessToken: 'access-token', refreshToken: 'again', secrets: {} }
    const claim = await earlier.claimRefresh(owner, accountId, 1_000)
    if (!claim) throw new Error('somebody else renews the tokens')
    const renewed = { tokens, expiresAt: new Date(Date.now() + 3_600_000) }
    expect(await earlier.saveTokens(owner, accountId, renewed, claim)).toBe(true)
    const other = { ...owner, pluginKey: 'other' }
    const untouched = await Promise.all(['a', 'b', 'c'].map((id) => earlier.save(other, connectionOf(id))))
    await createWebhookStore({ pool: it.pool, sealer: createSealer([newKey]) }).renewSecret(tenant, webhookId)
    const vault = createConfigurationVault({ sealer: createSealer([newKey]), schemas: createSchemaThreads() })
    const schema = keeper.entry?.['contributes'] as { configuration: Record<string, unknown> }
    const sealed = await vault.seal({ pin: 'earlier', kept: 'kept-1' }, { ...owner, schema: schema.configuration }, 1)
    await it.pool.query(`UPDATE "${owner.tenantId}".plugin_installations SET configuration = $1`, [sealed])
    let over = false
    let pin = ''
    let secret = ''
    const done = { calls: 0, renewals: 0, secrets: 0, saves: 0 }
    const work = {
      async calls() {
        const answer = await two.api('GET', '/keeper/secrets')
        const content = { configuration: { kept: 'kept-1' }, own: expected.own }
        expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, content })
      },
      async renewals() {
        await it.pool.query('UPDATE tenon.connections SET expires_at = now() WHERE id = $1', [accountId])
        await work.calls()
      },
      async secrets() {
        const answer = await two.api('POST', `/webhooks/${webhookId}/secret`)
        expect(answer).toMatchObject({ status: 200 })
        secret = (answer.content as { secret: string }).secret
      },
      async saves() {
        const next = `pin of save ${done.saves}`
        expect(await save({ pin: next })).toMatchObject({ status: 200 })
        pin = next
      },
    }
    const underWay = new Map<keyof typeof work, Promise<void>>()
    const begin = (what: keyof typeof work) => {
      const loop = async () => {
        while (!over) {
          await work[what]()
          done[what] += 1
        }
      }
      if (!underWay.has(what)) underWay.set(what, loop())
    }
    begin('calls')
    /** The rotation has read what it is about to write: now somebody else writes it. */
    const between = async (sql: string) => {
      const what = writers.find(([table]) => sql.startsWith('UPDATE') && sql.includes(table))?.[1]
      if (what === undefined) return
      begin(what)
      const { calls, [what]: times } = done
      await vi.waitFor(() => expect(Math.min(done.calls - calls, done[what] - times)).toBeGreaterThan(0), 5_000)
    }
    const rotated = await rotateKeys({ pool: withPause(it.pool, between), sealer: nextFirst })
    over = true
    await Promise.all(underWay.values())
    expect([...underWay.keys()].sort()).toEqual(Object.keys(done).sort())
    // What was written meanwhile was not written over.
    expect(rotated).toMatchObject({ connections: untouched.length, webhooks: 0, unreadable: [] })

    const onlyNext = createSealer([nextKey])
    const connections = createConnectionStore({ pool: it.pool, sealer: onlyNext })
    for (const { id, account: of } of untouched)
      expect(await connections.open(other, id)).toMatchObject({ accessToken: `token of ${of.id}` })
    expect(await connections.open(owner, accountId)).toMatchObject({ accessToken: granted })
    expect(await createWebhookStore({ pool: it.pool, sealer: onlyNext }).secretOf(tenant, webhookId)).toBe(secret)
    const three = await it.startReplica({ secretKeys: [nextKey] })
    expect(await secretsOf(three)).toMatchObject({ configuration: { pin, kept: 'kept-1' }, own: expected.own })
    await three.close()
    expect((await (await openAudit({ pool: it.pool, sealer: onlyNext })).verify()).problem).toBeUndefined()
  })
})

/** Who writes what the rotation writes. */
const writers = [
  ['tenon.connections', 'renewals'],
  ['tenon.webhooks', 'secrets'],
  ['plugin_installations', 'saves'],
] as const

const connectionOf = (id: string) => ({
  contributionId: 'account',
  provider: 'somewhere',
  account: { id, name: id },
  details: {},
  settings: {},
  connectedBy: 1,
  tokens: { accessToken: `token of ${id}`, secrets: {} },
})

const withPause = (pool: Pool, before: (sql: string) => Promise<void>): Pool =>
  ({
    connect: () => pool.connect(),
    async query(sql: string, values?: unknown[]) {
      await before(sql)
      return pool.query(sql, values)
    },
  }) as unknown as Pool

test('a configuration that is changed each time before it is written is named as left', async () => {
  const table = `"${owner.tenantId}".plugin_installations`
  const vault = createConfigurationVault({ sealer: createSealer([newKey]), schemas: createSchemaThreads() })
  const schema = keeper.entry?.['contributes'] as { configuration: Record<string, unknown> }
  const save = async (pin: string) => {
    const sealed = await vault.seal({ pin }, { ...owner, schema: schema.configuration }, 1)
    await it.pool.query(`UPDATE ${table} SET configuration = $1`, [sealed])
  }
  await save('at first')
  let saves = 0
  const between = async (sql: string) => {
    if (sql.startsWith('UPDATE') && sql.includes('plugin_installations')) await save(`save ${(saves += 1)}`)
  }
  const rotated = await rotateKeys({ pool: withPause(it.pool, between), sealer: nextFirst })
  expect(saves).toBe(5)
  expect(rotated).toMatchObject({
    configurations: 0,
    unreadable: [],
    left: [`the configuration of keeper in ${owner.tenantId}`],
  })
  const { rows } = await it.pool.query<{ outcome: string; details: object }>(
    `SELECT outcome, details FROM tenon.audit WHERE action = 'rotate-keys' ORDER BY seq DESC LIMIT 1`,
  )
  expect(rows).toMatchObject([{ outcome: 'failed', details: { left: rotated.left } }])
  expect(await rotateKeys({ pool: it.pool, sealer: nextFirst })).toMatchObject({ configurations: 1, left: [] })
})

test('what made a rotation fail is told, also when the audit fails after it', async () => {
  let isAway = false
  const failing = {
    async query(sql: string, values?: unknown[]) {
      if (isAway) throw new Error('the whole database is away')
      isAway = sql.includes('tenon.connections')
      if (isAway) throw new Error('the connections are away')
      return it.pool.query(sql, values)
    },
  } as unknown as Pool
  await expect(rotateKeys({ pool: failing, sealer: nextFirst })).rejects.toThrow('the connections are away')
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
  expect(await rotateKeys({ pool: it.pool, sealer: nextFirst })).toMatchObject({
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
