import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseAllowPrivate } from './egress/index.js'
import { askEverything } from './testing/ask-everything.js'
import {
  openReplica,
  prepareSurroundings,
  readAsRole,
  type ApiAnswer,
  type Replica,
  type Surroundings,
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
  databaseUrl: 'postgres://tenon:canary-DatabasePassword@database.example/tenon',
  jwtSecret: 'canary-JwtSecret?>42',
}
/** As they are, in JSON, in an address, as bytes, and in base64 and hexadecimal with whatever stands before. */
const formsOf = (canary: string) => [
  canary,
  encodeURIComponent(canary),
  Buffer.from(canary).toString('hex'),
  [...Buffer.from(canary)].join(','),
  ...['', 'a', 'ab'].map((before) =>
    Buffer.from(before + canary)
      .toString('base64')
      .slice(4, -4),
  ),
]
/** Secrets that the host makes itself join them. */
const forms = Object.values(canaries).flatMap(formsOf)

/** Uses every secret it has, and tells each wherever it can. */
const careless: TestPlugin = {
  key: 'careless',
  entry: {
    permissions: { database: { tenantSchema: true }, environment: ['CARELESS_KEY'], events: ['careless.*'] },
    contributes: {
      actions: [
        { id: 'fail', title: 'Fail', route: 'POST /fail' },
        { id: 'overstep', title: 'Overstep', route: 'POST /overstep' },
      ],
      configuration: { type: 'object', properties: { server: {}, password: { type: 'string', writeOnly: true } } },
      connections: [
        {
          id: 'account',
          kind: 'oauth2',
          provider: 'service',
          scopes: ['all'],
          response: { account: { id: '/team', name: '/team' }, secrets: { hook: '/hook' } },
          onConnect: 'tell',
          multiple: true,
        },
      ],
      events: [
        { name: 'careless.told', handler: 'tell' },
        { name: 'careless.late', handler: 'dawdle' },
      ],
      publishes: ['careless.told', 'careless.late'],
    },
  },
  files: {
    'index.ts': `
      const secretsOf = async ({ configuration, connections, secrets, sequelize }: any) => {
        const [account] = await connections.list()
        const opened = account ? await connections.open(account.id) : {}
        return JSON.stringify({ password: configuration.password, environment: process.env, opened })
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
      export const tell = async (_event: any, context: any) => {
        const text = await secretsOf(context)
        shout(text)
        throw Object.assign(new Error(text), { retryable: false, settled: { text } })
      }
      export const dawdle = async (_event: any, context: any) => {
        const settled = await secretsOf(context)
        await new Promise((go) => context.signal.addEventListener('abort', go))
        throw Object.assign(new Error('too late'), { settled })
      }
      export const metadata = {}
      export const router = {
        'GET /use': async (context: any) => {
          const text = await secretsOf(context)
          shout(text)
          const [[{ sealed }]] = await context.sequelize.query('SELECT sealed FROM kept')
          shout(await context.secrets.open(sealed))
          context.progress(1, 2, text)
          await context.publish('careless.told', { text, deep: [{ text: Buffer.from(text).toString('base64') }] })
          const payload = JSON.stringify({ text, hex: Buffer.from(text).toString('hex') })
          await context.sequelize.query('SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))', { replacements: { name: 'careless.told', payload } })
          await context.sequelize.query('SELECT tenon_api.publish($1, $2::jsonb)', { bind: ['careless.told', payload] })
          await context.publish('careless.late', {})
          return { data: text.split('canary').length - 1 }
        },
        'POST /sync': async (context: any) => {
          const text = await secretsOf(context)
          context.progress(1, 2, text)
          return { data: { text, [text]: 1, list: [{ text: encodeURIComponent(text) }], bytes: Buffer.from(text), typed: new Uint8Array(Buffer.from(text)), models: 1 } }
        },
        'POST /fail': async (context: any) => {
          const { how } = context.body
          const text = await secretsOf(context)
          context.progress(1, 2, text)
          if (how === 'throw') throw Object.assign(new Error(text, { cause: new Error(text) }), { name: text, code: text, settled: text })
          if (how === 'object') throw { message: text, text }
          if (how === 'text') throw text
          if (how === 'statement') await context.sequelize.query('SELECT :text::integer', { replacements: { text } })
          if (how === 'exit') { shout(text); await new Promise((go) => setTimeout(go, 50)); process.exit(1) }
          if (how === 'false') return { data: { success: false, message: text, [text]: text, bytes: Buffer.from(text) } }
          return { status: 422, data: { message: text, errors: [text] } }
        },
        // What it may not is counted by the name that it chose.
        'POST /overstep': async (context: any) => {
          const tried = (work: Promise<unknown>) => work.then(() => 'allowed', () => 'refused')
          const hex = Buffer.from(context.configuration.password).toString('hex')
          return { data: { tried: [
            await tried(context.publish('careless.' + context.configuration.password, {})),
            await tried(context.publish(hex, {})),
            await tried(fetch('http://' + hex + '.example')),
          ] } }
        },
        'GET /models': async () => ({ data: [] }),
        'GET /template': async () => ({ data: 'a template' }),
        'GET /renew': async (context: any) => ({ data: await context.connections.open((await context.connections.list())[1].id) }),
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

let it: Replica & Surroundings & { stop(): Promise<void> }
let provider: Server
let receiver: Server
let id: number
const answers: ApiAnswer[] = []
/** What the webhook of the organization was sent. */
const sent: string[] = []
const api = async (...request: Parameters<Replica['api']>) => {
  const answer = await it.api(...request)
  answers.push(answer)
  return answer
}

/** Tells another account to whoever signs in, and refuses to renew, in words that hold what it was sent. */
function startProvider(): Promise<{ server: Server; port: number }> {
  let accounts = 0
  return listen((body, response) => {
    const parameters = new URLSearchParams(body)
    if (parameters.get('grant_type') === 'refresh_token')
      return void response.writeHead(400).end(JSON.stringify({ error: body, error_description: body }))
    accounts += 1
    const { accessToken, refreshToken, hook } = canaries
    const tokens = { access_token: accessToken, refresh_token: refreshToken, hook, expires_in: 3_600 }
    response.end(JSON.stringify({ ok: true, ...tokens, team: `Team ${accounts}` }))
  })
}

async function listen(answer: (body: string, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => answer(body, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port }
}

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 50 })

beforeAll(async () => {
  const surroundings = await prepareSurroundings()
  await surroundings.registry.publish(careless, nosy)
  vi.stubEnv('CARELESS_KEY', canaries.environment)
  vi.stubEnv('DATABASE_URL', canaries.databaseUrl)
  vi.stubEnv('JWT_SECRET', canaries.jwtSecret)
  const service = await startProvider()
  provider = service.server
  const hooks = await listen((body, response) => {
    sent.push(body)
    response.writeHead(500).end(body)
  })
  receiver = hooks.server
  const url = `http://127.0.0.1:${service.port}`
  const replica = await openReplica(surroundings, {
    secretKeys: [canaries.secretKey],
    publicUrl: 'https://app.example',
    egress: { allowPrivate: parseAllowPrivate(`127.0.0.1/32:${hooks.port}`) },
    limits: {
      runtime: { maxCrashes: 20, backoffMs: 10, eventMs: 1_000, graceMs: 1_000 },
      jobs: { retryMs: 20, maxRetryMs: 20, pollMs: 100, progressMs: 20 },
      records: { writeEveryMs: 50 },
    },
    grantable: {
      environment: { careless: ['CARELESS_KEY'] },
      connections: {
        careless: {
          clientId: 'id',
          clientSecret: canaries.clientSecret,
          authorizeUrl: 'https://x.example',
          tokenUrl: url,
          revokeUrl: url,
          audience: [],
        },
      },
    },
  })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= replica.close())
  it = { ...replica, ...surroundings, stop, close: () => stop().then(surroundings.close) }
  const made = await it.api('POST', '/webhooks', {
    url: `http://127.0.0.1:${hooks.port}/`,
    events: ['*'],
    description: 'hears of everything',
  })
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 201 })
  forms.push(...formsOf((made.content as { secret: string }).secret))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await it.close()
  for (const server of [provider, receiver]) {
    server.closeAllConnections()
    server.close()
  }
})

/** Every row of every table of the database, those of Postgres itself included that the host may read. */
async function dump(pool: pg.Pool): Promise<string> {
  const { rows: tables } = await pool.query<{ name: string; owner: string; isOurs: boolean; isOpen: boolean }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(pg_get_userbyid(c.relowner)) AS owner,
       pg_get_userbyid(c.relowner) = current_user AS "isOurs", has_table_privilege(c.oid, 'SELECT') AS "isOpen"
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'p') AND n.nspname <> 'pg_toast'`,
  )
  const dumped = await Promise.all(
    tables.map(async ({ name, owner, isOurs, isOpen }) => {
      const isOfPostgres = /^(pg_catalog|information_schema)\./.test(name)
      if (isOfPostgres && !isOpen) return []
      const sql = `SELECT t::text AS text FROM ${name} t`
      const rows =
        isOurs || isOfPostgres
          ? (await pool.query<{ text: string }>(sql)).rows
          : await readAsRole<{ text: string }>(pool, owner, sql)
      return rows.map(({ text }) => `${name} ${text} ${bytesIn(text)}`)
    }),
  )
  return dumped.flat().join('\n')
}

/** What the bytes of a row say, which Postgres shows as hexadecimal digits. */
const bytesIn = (text: string) =>
  Array.from(text.matchAll(/\\x([0-9a-f]+)/g), ([, digits = '']) => Buffer.from(digits, 'hex').toString()).join(' ')

const canariesIn = (text: string) => forms.filter((form) => text.includes(form))

/** Leaves a second sign-in begun. */
async function connect(): Promise<void> {
  const { content } = await api('POST', '/careless/oauth/start', {})
  const state = new URL((content as { authorizeUrl: string }).authorizeUrl).searchParams.get('state')
  expect(await api('POST', '/careless/oauth/connect', { code: 'canary-code', state })).toMatchObject({ status: 201 })
  await api('POST', '/careless/oauth/start', {})
}

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
  await connect()
  await connect()
  const used = await api('GET', '/careless/use')
  // Of the host's own environment it has nothing.
  expect(used, JSON.stringify(used.body)).toMatchObject({ status: 200, content: 5 })
  const cutOff = `SELECT FROM tenon.event_deliveries JOIN tenon.outbox USING (event_id) WHERE name = 'careless.late' AND settled IS NOT NULL`
  await until(async () => expect((await it.pool.query(cutOff)).rowCount).toBe(1))
})

test('they are in no answer to an act, whatever is asked and however it fails', async () => {
  const configuration = { server: 'x', password: canaries.configuration }
  expect(await api('POST', '/careless/test-connection', { configuration })).toMatchObject({ status: 200 })
  await api('POST', '/careless/test-connection', { configuration: { server: 'x' } })
  for (const path of ['fail', 'statement', 'explode', 'crash', 'nothing'])
    expect((await api('GET', `/careless/${path}`)).status).not.toBe(200)
  expect(await api('POST', '/careless/sync', {})).toMatchObject({ status: 200, content: { models: 1 } })
  expect(await api('POST', '/careless/overstep', {})).toMatchObject({
    status: 200,
    content: { tried: ['refused', 'refused', 'refused'] },
  })
  for (const how of ['object', 'text', 'statement', 'exit', 'false', 'status', 'throw'])
    expect((await api('POST', '/careless/fail', { how })).status, how).toBeGreaterThanOrEqual(400)
  await it.pool.query(
    'UPDATE tenon.connections SET expires_at = now() WHERE id = (SELECT max(id) FROM tenon.connections)',
  )
  expect(await api('GET', '/careless/renew')).toMatchObject({ status: 422 })
  expect(canariesIn(answers.map(({ bytes }) => bytes.toString()).join('\n'))).toEqual([])
})

/** Where a secret would stand, had it not been hidden. */
const tells = [
  '/activity',
  '/alerts',
  '/events',
  '/installations/:id/activity',
  '/installations/:id/deliveries',
  '/installations/:id/logs',
  '/installations/:id/logs/stream',
  '/installations/:id/permissions',
  '/installations/:id/runs',
  '/runs/:id',
]

/** Of a list that has pages: whether all of it is on this one. */
function isWhole(text: string): boolean {
  const { items, total } =
    (text.startsWith('{') && (JSON.parse(text) as { data: { items?: unknown[]; total?: number } | null }).data) || {}
  return total === undefined || items?.length === total
}

test('they are in no answer of any endpoint that reads', async () => {
  const idsOf = async (table: string) =>
    (await it.pool.query<{ id: string }>(`SELECT id::text FROM tenon.${table} ORDER BY 1`)).rows.map((row) => row.id)
  const installations = ((await it.api('GET', '/installations')).content as { id: number }[]).map((one) => one.id)
  const told = `SELECT FROM tenon.event_deliveries JOIN tenon.outbox USING (event_id)
    WHERE plugin_key = 'careless' AND name = 'careless.told' AND last_error IS NOT NULL`
  await until(async () => expect((await it.pool.query(told)).rowCount).toBe(3))
  await until(async () =>
    expect((await it.pool.query('SELECT FROM tenon.permission_uses WHERE refusals > 0')).rowCount).toBe(3),
  )
  const reads = await askEverything({
    url: it.url,
    parameters: {
      '/marketplace/:key': ['careless', 'nosy'],
      '/installations/:id': installations,
      '/runs/:id': await idsOf('plugin_runs'),
      '/webhooks/:id': await idsOf('webhooks'),
      '/:key': ['careless'],
    },
    queries: { '/marketplace/search': 'q=careless' },
  })
  for (const { path, address, status, text } of reads) {
    expect(status, `${address} ${text}`).toBe(path === '/marketplace/:key/icon' ? 404 : 200)
    expect(canariesIn(text), address).toEqual([])
    expect(isWhole(text), `${address} has another page`).toBe(true)
  }
  const hidden = new Set(reads.filter(({ text }) => text.includes('[hidden]')).map(({ path }) => path))
  expect([...hidden].sort()).toEqual(tells)
})

test('they are in nothing that is sent to an address', async () => {
  await until(() => expect(sent.filter((body) => body.includes('careless.told')).length).toBeGreaterThanOrEqual(3))
  await until(() => expect(sent.join('')).toContain('plugin.failing'))
  expect(sent.join('')).toContain('[hidden]')
  expect(canariesIn(sent.join('\n'))).toEqual([])
})

test('they are in no log line, during calls, between them, and of crashes', async () => {
  await until(() => expect(it.log.join('')).toMatch(/later/))
  expect(it.log.join('')).toContain('[hidden]')
  expect(it.log.join('')).toContain('exploded with')
  expect(it.log.filter((line) => canariesIn(line).length > 0)).toEqual([])
})

test('another plugin finds none of them, and gets none with an event', async () => {
  const look = async () => (await it.api('GET', '/nosy/look')).content as string[]
  await until(async () => expect((await look()).at(-1)?.match(/careless.told/g)?.length).toBe(3))
  expect((await look()).at(-1)).toContain('[hidden]')
  expect(canariesIn((await look()).join('\n'))).toEqual([])
})

/** Tables of the host that hold nothing here. No word of a plugin gets into them. */
const untouched = [
  'tenon.blocks',
  'tenon.created_relations',
  'tenon.open_claims',
  'tenon.plugin_requests',
  'tenon.plugin_schedules',
  'tenon.renamed_relations',
  'tenon.upload_holds',
]

test('they are in no row of the database', async () => {
  const text = await dump(it.pool)
  const { rows: filled } = await it.pool.query<{ name: string }>(
    `SELECT DISTINCT table_schema || '.' || table_name AS name FROM information_schema.tables
     WHERE table_schema = 'tenon' AND table_type = 'BASE TABLE'`,
  )
  const empty = filled.filter(({ name }) => !text.includes(`${name} (`)).map(({ name }) => name)
  expect(empty.sort()).toEqual(untouched)
  for (const table of ['kept', 'heard', 'plugin_events']) expect(text).toContain(`.${table} (`)
  expect(text).toContain('v1.')
  expect(canariesIn(text)).toEqual([])
})

test('uninstalling tells none of them either, nor what is written when the host stops', async () => {
  const answer = await it.api('DELETE', `/installations/${id}`)
  expect(answer).toMatchObject({ status: 200 })
  await it.stop()
  const text = await dump(it.pool)
  expect(text).toContain('network:[hidden].example:80')
  expect(canariesIn(answer.bytes.toString() + text + it.log.join(''))).toEqual([])
})
