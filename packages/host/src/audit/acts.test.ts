import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Endpoint } from '../http/endpoint.js'
import { openAudit } from '../operator/open-audit.js'
import { rotateKeys } from '../operator/rotate-keys.js'
import { createSealer } from '../secrets/sealer.js'
import { endpointTable } from '../testing/endpoint-table.js'
import { applicationGrantable } from '../testing/tenancy-database.js'
import { startHostInTest, type ApiAnswer, type HostInTest, type TestPlugin, type Who } from '../testing/host-in-test.js'

const secrets = { password: 'secret-password', token: 'secret-token', laterPassword: 'secret-of-later' }
const sealer = createSealer(['a secret key of this test'])
const who = { userId: 7, sessionId: 'the session of 7' } as const
const operator = { ...who, userId: 8, isOperator: true } as const

const acted = (version: string): TestPlugin => ({
  key: 'acted',
  entry: {
    version,
    permissions: { database: { tenantSchema: true, tables: { risks: ['select'] } }, schedule: true },
    contributes: {
      configuration: { type: 'object', properties: { server: {}, password: { type: 'string', writeOnly: true } } },
      connections: [
        {
          id: 'account',
          kind: 'oauth2',
          provider: 'service',
          response: { account: { id: '/team', name: '/team' } },
          settings: { type: 'object', properties: { channel: { type: 'string' } } },
        },
      ],
      actions: [{ id: 'tidy', title: 'Tidy', route: 'POST /tidy', schedule: '0 3 * * *' }],
    },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      export const configure = async (_user: number, _tenant: string, { server }: any) => ({ success: server !== 'wrong' })
      export const router = { 'POST /tidy': async () => ({ data: '${version}' }) }`,
  },
})

let it: HostInTest
let provider: Server
let id = 0
let connectionId = 0
let blockId = 0
let webhookId = 0
let requestId = 0

beforeAll(async () => {
  provider = createServer((_request, response) =>
    response.end(JSON.stringify({ access_token: secrets.token, team: 'Team' })),
  )
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const acting = {
    clientId: 'id',
    clientSecret: 'client secret',
    authorizeUrl: 'https://x.example',
    tokenUrl: url,
    audience: [],
  }
  it = await startHostInTest({
    publicUrl: 'https://app.example',
    grantable: { tables: applicationGrantable, connections: { acted: acting } },
  })
})
afterAll(async () => {
  await it.close()
  provider.close()
})

/** What was asked, such as `POST /installations/1/update`. */
const asked: string[] = []
const api = (method: string, path: string, body?: unknown, by: Who = who) => {
  asked.push(`${method} ${path}`)
  return it.api(method, path, body, by)
}
const idOf = ({ content }: ApiAnswer) => (content as { id: number }).id
const configure = (configuration: object) => api('PUT', `/installations/${id}/configuration`, { configuration })
async function connect(): Promise<ApiAnswer> {
  const { content } = await api('POST', '/acted/oauth/start', {})
  const state = new URL((content as { authorizeUrl: string }).authorizeUrl).searchParams.get('state')
  const answer = await api('POST', '/acted/oauth/connect', { code: 'x', state })
  connectionId = idOf(answer)
  return answer
}

type Act = [name: string, act: () => Promise<unknown>, entry: object]
const ofPlugin = { organization: 1, user_id: 7, plugin_key: 'acted', outcome: 'done' }
const aboutIt = (entry: object, details: object = {}) => ({
  ...ofPlugin,
  ...entry,
  details: { installationId: expect.any(Number) as number, ...details },
})
const ofOperator = { organization: null, user_id: 8, plugin_key: 'acted', outcome: 'done' }

const acts: Act[] = [
  [
    'asking for a plugin',
    async () => (requestId = idOf(await api('POST', '/requests', { pluginKey: 'acted' }))),
    { ...ofPlugin, action: 'request-plugin' },
  ],
  [
    'declining what was asked for',
    () => api('POST', `/requests/${requestId}/decline`, {}),
    { ...ofPlugin, action: 'decline-request' },
  ],
  [
    'asking once more',
    async () => (requestId = idOf(await api('POST', '/requests', { pluginKey: 'acted' }))),
    { ...ofPlugin, action: 'request-plugin' },
  ],
  [
    'withdrawing what was asked for',
    () => api('DELETE', `/requests/${requestId}`),
    { ...ofPlugin, action: 'withdraw-request' },
  ],
  [
    'installing',
    async () => (id = idOf(await api('POST', '/install', { pluginKey: 'acted' }))),
    aboutIt({ action: 'install' }),
  ],
  [
    'configuring',
    () => configure({ server: 'a', password: secrets.password }),
    aboutIt({ action: 'configure' }, { changed: ['server', 'password'] }),
  ],
  [
    'changing a secret alone',
    () => configure({ server: 'a', password: secrets.laterPassword }),
    aboutIt({ action: 'configure' }, { changed: ['password'] }),
  ],
  [
    'a configuration that the plugin refuses',
    () => configure({ server: 'wrong' }),
    aboutIt({ action: 'configure', outcome: 'failed' }),
  ],
  [
    'granting less',
    () =>
      api('PUT', `/installations/${id}/permissions`, { permissions: ['own-tables', 'schedule', 'connection:account'] }),
    aboutIt({ action: 'grant' }),
  ],
  [
    'connecting an account',
    connect,
    { ...ofPlugin, action: 'connect', details: { after: { account: { name: 'Team' } } } },
  ],
  [
    'changing a connection',
    () => api('PATCH', `/acted/oauth/workspaces/${connectionId}`, { channel: 'news' }),
    { ...ofPlugin, action: 'update-connection', details: { after: { settings: { channel: 'news' } } } },
  ],
  [
    'disconnecting an account',
    () => api('DELETE', `/acted/oauth/workspaces/${connectionId}`),
    { ...ofPlugin, action: 'disconnect', details: { before: { account: { name: 'Team' } } } },
  ],
  [
    'changing a schedule',
    () => api('PUT', `/installations/${id}/schedules/tidy`, { cron: '0 4 * * *' }),
    aboutIt({ action: 'schedule' }, { after: { action: 'tidy', cron: '0 4 * * *' } }),
  ],
  [
    'going back to the proposed schedule',
    () => api('DELETE', `/installations/${id}/schedules/tidy`),
    aboutIt({ action: 'schedule' }, { after: { action: 'tidy' } }),
  ],
  ['disabling', () => api('POST', `/installations/${id}/disable`), aboutIt({ action: 'disable' })],
  ['enabling', () => api('POST', `/installations/${id}/enable`), aboutIt({ action: 'enable' })],
  [
    'updating',
    async () => {
      await it.publish(acted('1.1.0'))
      return api('POST', `/installations/${id}/update`)
    },
    aboutIt({ action: 'update' }, { before: { version: '1.0.0' }, after: { version: '1.1.0' } }),
  ],
  [
    'rolling back',
    () => api('POST', `/installations/${id}/rollback`),
    aboutIt({ action: 'rollback' }, { after: { version: '1.0.0' } }),
  ],
  [
    'making a webhook',
    async () =>
      (webhookId = idOf(await api('POST', '/webhooks', { url: 'https://hooks.example/secret-path', events: ['*'] }))),
    { ...ofPlugin, plugin_key: 'webhooks', action: 'create-webhook' },
  ],
  [
    'changing a webhook',
    () => api('PATCH', `/webhooks/${webhookId}`, { isActive: false }),
    { ...ofPlugin, plugin_key: 'webhooks', action: 'change-webhook' },
  ],
  [
    'renewing the secret of a webhook',
    () => api('POST', `/webhooks/${webhookId}/secret`),
    { ...ofPlugin, plugin_key: 'webhooks', action: 'renew-webhook-secret' },
  ],
  [
    'removing a webhook',
    () => api('DELETE', `/webhooks/${webhookId}`),
    { ...ofPlugin, plugin_key: 'webhooks', action: 'remove-webhook' },
  ],
  [
    'blocking a plugin',
    async () => (blockId = idOf(await api('POST', '/blocks', { pluginKey: 'acted', reason: 'steals' }, operator))),
    { ...ofOperator, action: 'block', details: { reason: 'steals' } },
  ],
  [
    'lifting a block',
    () => api('DELETE', `/blocks/${blockId}`, undefined, operator),
    { ...ofOperator, action: 'unblock', details: { reason: 'steals' } },
  ],
  [
    'rotating keys',
    () => rotateKeys({ pool: it.pool, sealer }),
    {
      organization: null,
      user_id: null,
      plugin_key: null,
      action: 'rotate-keys',
      outcome: 'done',
      details: { unreadable: [] },
    },
  ],
  ['uninstalling', () => api('DELETE', `/installations/${id}`), aboutIt({ action: 'uninstall' })],
]

const columns = 'organization, user_id, plugin_key, action, outcome, details'
const entriesAfter = async (seq: number) =>
  (await it.pool.query(`SELECT ${columns} FROM tenon.audit WHERE seq > $1 ORDER BY seq`, [seq])).rows as object[]
const lastSeq = async () =>
  Number((await it.pool.query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM tenon.audit')).rows[0]?.seq)

test.each(acts)('%s leaves one entry, with who did it, for whom, to what', async (_name, act, entry) => {
  if (id === 0) await it.publish(acted('1.0.0'))
  const before = await lastSeq()
  const answer = await act()
  expect(await entriesAfter(before), JSON.stringify((answer as ApiAnswer).body ?? answer)).toMatchObject([entry])
})

/** What changes nothing of what a plugin is or may: it works, or looks. */
const work = [
  'cancelRun',
  'importRisks',
  'openPluginFrame',
  'replayToPlugin',
  'replayToWebhook',
  'retryRun',
  'startOAuth',
  'syncMLflowModels',
  'testPluginConnection',
  'testWebhook',
]

test('every endpoint that changes something is among them', () => {
  const isAsked = ({ method, path }: Endpoint) =>
    asked.some((one) => new RegExp(`^${method} ${path.replace(/:\w+/g, '[^/]+')}$`, 'i').test(one))
  const others = endpointTable().filter((endpoint) => endpoint.method !== 'get' && !isAsked(endpoint))
  expect([...new Set([...others.map(({ operation }) => operation), 'startOAuth'])].sort()).toEqual(work)
})

test('no entry holds a secret', async () => {
  const text = JSON.stringify(await entriesAfter(0))
  for (const secret of [...Object.values(secrets), 'client secret', 'secret-path']) expect(text).not.toContain(secret)
})

test.each([
  ['an altered entry', `UPDATE tenon.audit SET user_id = 9 WHERE seq = 3`, 'Entry 3 was altered'],
  ['a removed entry', 'DELETE FROM tenon.audit WHERE seq = 5', 'Entry 5 is missing'],
  [
    'two entries in each other’s place',
    'UPDATE tenon.audit SET seq = CASE seq WHEN 6 THEN -7 ELSE -6 END WHERE seq IN (6, 7); UPDATE tenon.audit SET seq = -seq WHERE seq < 0',
    'Entry 6 was altered, or stands in another place',
  ],
])('the chain of all of them is whole, and %s is found', async (_name, sql, message) => {
  const audit = await openAudit({ pool: it.pool, sealer })
  const entries = await lastSeq()
  expect(await audit.verify()).toEqual({ entries })
  await it.pool.query('CREATE TABLE tenon.as_it_was AS SELECT * FROM tenon.audit')
  await it.pool.query(sql)
  expect((await audit.verify()).problem?.message).toContain(message)
  await it.pool.query(
    'TRUNCATE tenon.audit; INSERT INTO tenon.audit SELECT * FROM tenon.as_it_was; DROP TABLE tenon.as_it_was',
  )
  expect(await audit.verify()).toEqual({ entries })
})
