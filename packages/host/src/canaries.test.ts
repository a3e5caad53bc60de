import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  readAsRole,
  startHostInTest,
  type ApiAnswer,
  type HostInTest,
  type TestPlugin,
} from './testing/host-in-test.js'

const canaries = {
  configuration: 'canary-Configuration?>42',
  environment: 'canary-Environment?>42',
  accessToken: 'canary-AccessToken?>42',
  refreshToken: 'canary-RefreshToken?>42',
  hook: 'https://hooks.example/canary-Hook',
  clientSecret: 'canary-ClientSecret?>42',
  sealed: 'canary-SealedByThePlugin?>42',
  secretKey: 'canary-SecretKey-of-the-operator',
}
/** As they are, in JSON, in an address, and in base64 and hexadecimal with whatever stands before. */
const forms = Object.values(canaries).flatMap((canary) => [
  canary,
  encodeURIComponent(canary),
  Buffer.from(canary).toString('hex'),
  ...['', 'a', 'ab'].map((before) =>
    Buffer.from(before + canary)
      .toString('base64')
      .slice(4, -4),
  ),
])

/** Uses every secret it has, and tells each wherever it can. */
const careless: TestPlugin = {
  key: 'careless',
  entry: {
    permissions: { database: { tenantSchema: true }, environment: ['CARELESS_KEY'], events: ['careless.*'] },
    contributes: {
      configuration: { type: 'object', properties: { server: {}, password: { type: 'string', writeOnly: true } } },
      connections: [
        {
          id: 'account',
          kind: 'oauth2',
          provider: 'service',
          scopes: ['all'],
          response: { account: { id: '/team', name: '/team' }, secrets: { hook: '/hook' } },
          onConnect: 'tell',
        },
      ],
      events: [{ name: 'careless.told', handler: 'tell' }],
      publishes: ['careless.told'],
    },
  },
  files: {
    'index.ts': `
      const secretsOf = async ({ configuration, connections, secrets, sequelize }: any) => {
        const [account] = await connections.list()
        const opened = account ? await connections.open(account.id) : {}
        return JSON.stringify({ password: configuration.password, environment: process.env.CARELESS_KEY, opened })
      }
      const shout = (text: string) => {
        console.log(text)
        console.error(Buffer.from('user:' + text).toString('base64'), encodeURIComponent(text), { text })
        setTimeout(() => console.warn('later ' + text), 10)
      }
      const fine = { success: true }
      export const install = async (_user: number, _tenant: string, _config: any, { sequelize, secrets }: any) => {
        await sequelize.query('CREATE TABLE kept (sealed text)')
        await sequelize.query('INSERT INTO kept VALUES (:sealed)', { replacements: { sealed: await secrets.seal('${canaries.sealed}') } })
        return fine
      }
      export const uninstall = async (_user: number, _tenant: string, context: any) => { throw new Error(await secretsOf(context)) }
      export const validateConfig = (config: any) => ({ valid: config.server !== 'invalid', errors: ['wrong: ' + config.password] })
      export const configure = async (_user: number, _tenant: string, config: any) => {
        shout(config.password)
        if (config.server === 'broken') throw new Error('cannot sign in with ' + config.password)
        return { success: true, message: 'signed in with ' + config.password }
      }
      export const testConnection = async (config: any) => ({ success: false, message: 'refused ' + config.password, steps: [{ name: config.password, ok: false }] })
      export const tell = async (_event: any, context: any) => { shout(await secretsOf(context)); throw new Error(await secretsOf(context)) }
      export const metadata = {}
      export const router = {
        'GET /use': async (context: any) => {
          const text = await secretsOf(context)
          shout(text)
          const [[{ sealed }]] = await context.sequelize.query('SELECT sealed FROM kept')
          shout(await context.secrets.open(sealed))
          context.progress(1, 2, text)
          await context.publish('careless.told', { text, deep: [{ text: Buffer.from(text).toString('base64') }] })
          return { data: text.split('canary').length - 1 }
        },
        'POST /sync': async (context: any) => { context.progress(1, 2, await secretsOf(context)); return { data: { text: await secretsOf(context), models: 1 } } },
        'GET /fail': async (context: any) => { throw new Error(await secretsOf(context)) },
        'GET /statement': async (context: any) => { await context.sequelize.query('SELECT :text::integer', { replacements: { text: await secretsOf(context) } }) },
        'GET /explode': async (context: any) => {
          const text = await secretsOf(context)
          setTimeout(() => { throw new Error('exploded with ' + text) })
          await new Promise((go) => setTimeout(go, 200))
        },
        'GET /crash': async (context: any) => { shout(await secretsOf(context)); await new Promise((go) => setTimeout(go, 50)); process.exit(1) },
      }`,
  },
}

/** Another plugin of the same organization, which looks for what is not its own. */
const nosy: TestPlugin = {
  key: 'nosy',
  entry: {
    permissions: { database: { tenantSchema: true }, events: ['careless.*'] },
    contributes: { events: [{ name: 'careless.told', handler: 'hear' }] },
  },
  files: {
    'index.ts': `
      export const install = async (_user: number, _tenant: string, _config: any, { sequelize }: any) => {
        await sequelize.query('CREATE TABLE heard (event text)')
        return { success: true }
      }
      export const uninstall = install
      export const metadata = {}
      export const hear = async (event: any, { sequelize }: any) => sequelize.query('INSERT INTO heard VALUES (:event)', { replacements: { event: JSON.stringify(event) } })
      const found = (work: () => Promise<unknown>) => work().then(JSON.stringify, (error: any) => String(error.message))
      export const router = {
        'GET /look': async ({ sequelize, connections, configuration }: any) => ({ data: [
          JSON.stringify(process.env), JSON.stringify(configuration), await found(() => connections.list()),
          await found(() => connections.open(1)), await found(() => sequelize.query('SELECT * FROM kept')),
          await found(() => sequelize.query('SELECT * FROM tenon.connections')), await found(() => sequelize.query('SELECT * FROM plugin_installations')),
          JSON.stringify((await sequelize.query('SELECT event FROM heard'))[0]),
        ] }),
      }`,
  },
}

let it: HostInTest
let provider: Server
let id: number
const answers: ApiAnswer[] = []
const api = async (...request: Parameters<HostInTest['api']>) => {
  const answer = await it.api(...request)
  answers.push(answer)
  return answer
}

beforeAll(async () => {
  vi.stubEnv('CARELESS_KEY', canaries.environment)
  const { accessToken, refreshToken, hook, clientSecret } = canaries
  provider = createServer((_request, response) =>
    response.end(
      JSON.stringify({ ok: true, access_token: accessToken, refresh_token: refreshToken, hook, team: 'Team' }),
    ),
  )
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  it = await startHostInTest({
    secretKeys: [canaries.secretKey],
    publicUrl: 'https://app.example',
    grantable: {
      environment: { careless: ['CARELESS_KEY'] },
      connections: {
        careless: {
          clientId: 'id',
          clientSecret,
          authorizeUrl: 'https://x.example',
          tokenUrl: url,
          revokeUrl: url,
          audience: [],
        },
      },
    },
  })
  await it.publish(careless, nosy)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await it.close()
  provider.close()
})

/** Every row of every table that the host or a plugin has. */
async function dump(pool: pg.Pool): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string; owner: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name, quote_ident(tableowner) AS owner FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const { rows: me } = await pool.query<{ me: string }>('SELECT quote_ident(current_user) AS me')
  const dumped = await Promise.all(
    tables.map(async ({ name, owner }) => {
      const sql = `SELECT t::text AS text FROM ${name} t`
      const rows =
        owner === me[0]?.me
          ? (await pool.query<{ text: string }>(sql)).rows
          : await readAsRole<{ text: string }>(pool, owner, sql)
      return rows.map(({ text }) => `${name} ${text}`)
    }),
  )
  return dumped.flat().join('\n')
}

const canariesIn = (text: string) => forms.filter((form) => text.includes(form))

test('every secret is really used', async () => {
  const configure = (server: string) =>
    api('PUT', `/installations/${id}/configuration`, { configuration: { server, password: canaries.configuration } })
  for (const pluginKey of ['careless', 'nosy']) {
    const answer = await api('POST', '/install', { pluginKey })
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    if (pluginKey === 'careless') id = (answer.content as { id: number }).id
  }
  expect(await configure('invalid')).toMatchObject({ status: 422 })
  expect(await configure('broken')).toMatchObject({ status: 422 })
  expect(await configure('fine')).toMatchObject({ status: 200 })
  const { content } = await api('POST', '/careless/oauth/start', {})
  const state = new URL((content as { authorizeUrl: string }).authorizeUrl).searchParams.get('state')
  expect(await api('POST', '/careless/oauth/connect', { code: 'canary-code', state })).toMatchObject({ status: 201 })
  expect(await api('GET', '/careless/use')).toMatchObject({ status: 200, content: 5 })
})

test('they are in no answer, whatever is asked and however it fails', async () => {
  const configuration = { server: 'x', password: canaries.configuration }
  expect(await api('POST', '/careless/test-connection', { configuration })).toMatchObject({ status: 200 })
  await api('POST', '/careless/test-connection', { configuration: { server: 'x' } })
  for (const path of ['fail', 'statement', 'explode', 'crash', 'nothing'])
    expect((await api('GET', `/careless/${path}`)).status).not.toBe(200)
  for (const path of ['/installations', '/marketplace', '/marketplace/careless', '/careless/oauth/workspaces'])
    await api('GET', path)
  for (const part of ['logs?pageSize=200', 'activity', 'health', 'permissions'])
    await api('GET', `/installations/${id}/${part}`)
  expect(await api('POST', '/careless/sync', {})).toMatchObject({ status: 200, content: { models: 1 } })
  expect(answers.length).toBeGreaterThan(15)
  expect(canariesIn(answers.map(({ bytes }) => bytes.toString()).join('\n'))).toEqual([])
})

test('they are in no log line, during calls, between them, and of crashes', async () => {
  await vi.waitFor(() => expect(it.log.join('')).toMatch(/later/))
  expect(it.log.join('')).toContain('[hidden]')
  expect(it.log.join('')).toContain('exploded with')
  expect(canariesIn(it.log.join('\n'))).toEqual([])
})

test('another plugin finds none of them, and gets none with an event', async () => {
  const look = async () => (await it.api('GET', '/nosy/look')).content as string[]
  await vi.waitFor(async () => expect((await look()).at(-1)).toContain('careless.told'))
  expect((await look()).at(-1)).toContain('[hidden]')
  expect(canariesIn((await look()).join('\n'))).toEqual([])
})

test('they are in no row of the database', async () => {
  await vi.waitFor(async () => {
    const { rows } = await it.pool.query(
      `SELECT FROM tenon.event_deliveries WHERE plugin_key = 'careless' AND last_error IS NOT NULL`,
    )
    expect(rows.length).toBeGreaterThan(0)
  })
  await vi.waitFor(async () =>
    expect((await it.pool.query('SELECT FROM tenon.plugin_logs')).rowCount).toBeGreaterThan(5),
  )
  const text = await dump(it.pool)
  for (const table of ['plugin_installations', 'connections', 'outbox', 'audit', 'kept', 'heard', 'plugin_events'])
    expect(text).toContain(`.${table} (`)
  expect(text).toContain('v1.')
  expect(canariesIn(text)).toEqual([])
})

test('uninstalling tells none of them either', async () => {
  const answer = await it.api('DELETE', `/installations/${id}`)
  expect(answer).toMatchObject({ status: 200 })
  expect(canariesIn(answer.bytes.toString() + (await dump(it.pool)) + it.log.join(''))).toEqual([])
})
