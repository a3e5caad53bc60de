import { readFile, readdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ExcelJS from 'exceljs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseAllowPrivate } from './egress/index.js'
import type { PlatformMigration } from './migrations/index.js'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { readAsRole, startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'
import { applicationGrantable, applicationTables, applicationTenantTables } from './testing/tenancy-database.js'

/** What the guide prints, as it prints it (C17). */
const guide = fileURLToPath(new URL('../fixtures/seed', import.meta.url))
const schema = getTenantHash(1)

/** The host tables that Template 1 assumes. */
const webhooks: PlatformMigration = {
  name: 'app-0002-webhooks',
  up: async (client) => {
    await client.query(`
      CREATE TABLE public.my_service_webhooks (
        id serial PRIMARY KEY, organization_id int NOT NULL DEFAULT public.current_org(), user_id int NOT NULL,
        routing_type text[], is_active boolean NOT NULL DEFAULT true, updated_at timestamptz)`)
  },
  down: async (client) => {
    await client.query('DROP TABLE public.my_service_webhooks')
  },
}

let it: HostInTest
let service: LoopbackService

beforeAll(async () => {
  service = await startLoopbackService()
  it = await startHostInTest({
    // The guide's template is made cell by cell, which takes long on a busy machine.
    limits: { runtime: { routeMs: 100_000 } },
    grantable: {
      allowUndeclared: true,
      tables: {
        ...applicationGrantable,
        'public.my_service_webhooks': {
          scope: 'public',
          privileges: { select: true, update: ['routing_type', 'updated_at'], delete: true },
          organizationColumn: 'organization_id',
        },
      },
    },
    egress: { allowPrivate: parseAllowPrivate('127.0.0.1/32') },
    migrations: { platform: [applicationTables, webhooks], tenant: [applicationTenantTables] },
  })
  await it.publish(...(await readGuide()))
})
afterAll(async () => {
  await it.close()
  await service.close()
})

async function readGuide(): Promise<TestPlugin[]> {
  const { plugins } = JSON.parse(await readFile(path.join(guide, 'plugins.json'), 'utf8')) as {
    plugins: ({ key: string } & Record<string, unknown>)[]
  }
  return Promise.all(
    plugins.map(async (entry) => {
      const folder = path.join(guide, entry.key)
      const names = await readdir(folder)
      const files = await Promise.all(
        names.map(async (name) => [name, await readFile(path.join(folder, name), 'utf8')] as const),
      )
      // No permissions: these plugins are older than the idea, and run under the compatibility profile.
      return { key: entry.key, entry: { ...entry, permissions: undefined }, files: Object.fromEntries(files) }
    }),
  )
}

interface LoopbackService {
  url: string
  /** What was asked, in order: method, path, and the authorization that came with it. */
  requests: string[]
  /** What the paths answer; everything else is 404. */
  answers: Record<string, unknown>
  /** The only authorization that is accepted; any when undefined. */
  accepts: string | undefined
  close(): Promise<void>
}

async function startLoopbackService(): Promise<LoopbackService> {
  const started: LoopbackService = { url: '', requests: [], answers: {}, accepts: undefined, close: async () => {} }
  const server: Server = createServer((request: IncomingMessage, response) => {
    const { method, url = '', headers } = request
    started.requests.push([method, url, headers.authorization].filter(Boolean).join(' '))
    if (started.accepts !== undefined && headers.authorization !== started.accepts) {
      return void response.writeHead(401).end('who are you?')
    }
    const answer = started.answers[url]
    if (answer === undefined) return void response.writeHead(404).end('nothing here')
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  started.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  started.close = async () => {
    server.closeAllConnections()
    server.close()
  }
  return started
}

interface Installed {
  id: number
  pluginKey: string
  metadata: { installMessage?: string }
}

async function install(pluginKey: string) {
  const { status, body } = await it.api('POST', '/install', { pluginKey })
  // Where building it takes longer than a request waits, it goes on.
  expect([201, 202], JSON.stringify(body)).toContain(status)
  const { id, metadata } = await vi.waitFor(
    async () => {
      const { content } = await it.api('GET', '/installations')
      const found = (content as Installed[]).find((one) => one.pluginKey === pluginKey)
      expect(found).toMatchObject({ status: 'installed' })
      return found as Installed
    },
    { timeout: 60_000, interval: 100 },
  )
  return {
    id,
    message: metadata.installMessage,
    configure: (configuration: unknown) => it.api('PUT', `/installations/${id}/configuration`, { configuration }),
    test: (configuration: unknown) => it.api('POST', `/${pluginKey}/test-connection`, { configuration }),
    /** Answers what the plugin said. */
    uninstall: async () => {
      expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
      return lastMessage('uninstall')
    },
  }
}

async function lastMessage(action: string): Promise<string | undefined> {
  const { rows } = await it.pool.query<{ message: string }>(
    'SELECT message FROM tenon.plugin_events WHERE action = $1 ORDER BY id DESC LIMIT 1',
    [action],
  )
  return rows[0]?.message
}

const tablesOfPlugins = async () => {
  const { rows } = await it.pool.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tableowner LIKE 'tn\\_%' ORDER BY 1`,
    [schema],
  )
  return rows.map(({ name }) => name)
}

/** The role that undeclared plugins share. */
async function sharedRole(): Promise<string> {
  const { rows } = await it.pool.query<{ role: string }>(
    "SELECT role FROM tenon.plugin_roles WHERE organization_id = 1 AND owner_key LIKE 'source:%'",
  )
  return rows[0]?.role ?? ''
}

describe('the minimum required exports', () => {
  test('are a plugin that is installed, refuses nothing, and goes away', async () => {
    const plugin = await install('minimal')
    expect(plugin.message).toBe('Plugin installed successfully')
    expect((await plugin.test({})).content).toMatchObject({
      success: false,
      message: 'Plugin does not support connection testing',
    })
    expect(await it.api('POST', '/minimal/sync')).toMatchObject({ status: 404 })
    expect(await plugin.uninstall()).toBe('Plugin uninstalled successfully')
  })
})

describe('the MLflow example', () => {
  test('makes its table, reaches its server, fails to sync with the words of Postgres (C6), and drops its table', async () => {
    const plugin = await install('mlflow-example')
    expect(plugin.message).toBe('MLflow plugin installed')
    expect(await tablesOfPlugins()).toEqual(['mlflow_model_records'])

    const configuration = { tracking_server_url: service.url }
    expect((await plugin.test(configuration)).content).toMatchObject({
      success: false,
      message: 'Failed to connect to MLflow server',
    })
    service.answers = {
      '/api/2.0/mlflow/experiments/list': {},
      '/api/2.0/mlflow/registered-models/list': {
        registered_models: [{ name: 'churn', latest_versions: [{ version: '3' }] }],
      },
    }
    expect((await plugin.test(configuration)).content).toMatchObject({
      success: true,
      message: 'Connection successful',
    })
    expect((await plugin.test({ tracking_server_url: 'http://127.0.0.1:1' })).content).toMatchObject({
      success: false,
      message: expect.stringContaining('Connection error: ') as string,
    })

    expect(await plugin.configure(configuration)).toMatchObject({ status: 200, content: { configuration } })
    const synced = await it.api('POST', '/mlflow-example/sync')
    expect(synced.status).toBe(422)
    expect(synced.content).toContain('no unique or exclusion constraint matching the ON CONFLICT specification')

    expect(await plugin.uninstall()).toBe('MLflow plugin uninstalled')
    expect(await tablesOfPlugins()).toEqual([])
  })
})

describe('Template 1', () => {
  const rowsOfService = async () =>
    (await it.pool.query('SELECT user_id, routing_type FROM public.my_service_webhooks ORDER BY id')).rows as unknown[]

  test('configures and counts the connections of its user, and removes those of its own organization', async () => {
    const plugin = await install('template-1')
    expect(plugin.message).toBe('Plugin installed successfully. Configure OAuth to connect.')
    // What the compatibility profile does not give, an operator can.
    await it.pool.query(
      `GRANT SELECT, UPDATE (routing_type, updated_at), DELETE ON public.my_service_webhooks TO ${await sharedRole()}`,
    )
    expect((await plugin.test({})).content).toMatchObject({
      success: false,
      message: 'No connections. Configure OAuth.',
    })
    await it.pool.query(
      'INSERT INTO public.my_service_webhooks (organization_id, user_id) VALUES (1, 1), (1, 7), (2, 1)',
    )
    expect((await plugin.test({})).content).toMatchObject({ success: true, message: '1 connection(s) active' })

    expect(await plugin.configure({})).toMatchObject({ status: 200 })
    expect(await plugin.configure({ routing_type: ['Nonsense'] })).toMatchObject({
      status: 422,
      content: 'The configuration is not valid: Invalid routing types: Nonsense',
    })
    const routing = ['Membership and roles', 'Evidence and task alerts']
    expect(await plugin.configure({ routing_type: routing })).toMatchObject({ status: 200 })
    expect(await lastMessage('configure')).toBe('Configuration saved.')
    expect(await rowsOfService()).toEqual([
      { user_id: 1, routing_type: routing },
      { user_id: 7, routing_type: null },
      { user_id: 1, routing_type: null },
    ])

    // The sample reads rowCount off the rows, as it would with Sequelize, and so never counts any.
    expect(await plugin.uninstall()).toBe('Plugin uninstalled. Removed 0 configuration(s).')
    expect(await rowsOfService()).toEqual([
      { user_id: 7, routing_type: null },
      { user_id: 1, routing_type: null },
    ])
  })
})

describe('Template 2', () => {
  const records = [
    { id: 'a', name: 'First', type: 'T', status: 'new', data: { deep: [1, "it's"] } },
    { id: 'b', name: 'Second' },
  ]
  const stored = async () =>
    readAsRole(
      it.pool,
      await sharedRole(),
      `SELECT record_name, status, data FROM "${schema}".my_service_records ORDER BY id`,
    )

  test('validates, tests and syncs when it is configured, and counts what it removes', async () => {
    const plugin = await install('template-2')
    expect(plugin.message).toBe('Plugin installed. Configure server URL to start syncing.')
    const refused = async (configuration: object) => (await plugin.configure(configuration)).content
    expect(await refused({})).toBe(
      'The configuration is not valid: Server URL is required; Authentication method is required',
    )
    const server = { server_url: `${service.url}/` }
    expect(await refused({ ...server, auth_method: 'basic', username: 'ada' })).toContain(
      'Username and password required for basic auth',
    )
    expect(await refused({ ...server, auth_method: 'token' })).toContain('API token required for token auth')
    expect(await refused({ ...server, auth_method: 'none', timeout: 301 })).toContain(
      'Timeout must be between 1 and 300 seconds',
    )

    service.requests.length = 0
    service.accepts = `Basic ${Buffer.from('ada:canary-7').toString('base64')}`
    service.answers = { '/api/v1/health': {}, '/api/v1/records': { records } }
    const basic = { ...server, auth_method: 'basic', username: 'ada', password: 'canary-7', timeout: 300 }
    expect(await plugin.configure({ ...basic, password: 'wrong' })).toMatchObject({
      status: 422,
      content: 'Configuration failed: Connection test failed: Connection failed: Server returned 401: who are you?',
    })
    expect(await stored()).toEqual([])
    const saved = await plugin.configure(basic)
    expect(saved).toMatchObject({ status: 200, content: { configuration: { username: 'ada' } } })
    expect(JSON.stringify([saved.content, it.log])).not.toContain('canary-7')
    expect(await lastMessage('configure')).toBe('Configured successfully. Synced 2 records.')
    expect(await stored()).toEqual([
      { record_name: 'First', status: 'new', data: { deep: [1, "it's"] } },
      { record_name: 'Second', status: null, data: {} },
    ])
    expect(service.requests.slice(-2)).toEqual([
      `GET /api/v1/health ${service.accepts}`,
      `GET /api/v1/records ${service.accepts}`,
    ])

    service.accepts = 'Bearer t-1'
    service.answers['/api/v1/records'] = { records: [{ ...records[0], status: 'changed' }] }
    const token = { ...server, auth_method: 'token', api_token: 't-1', password: null }
    expect((await plugin.test(token)).content).toMatchObject({
      success: true,
      message: 'Successfully connected to server',
      serverVersion: '1.0+',
    })
    expect(await plugin.configure(token)).toMatchObject({ status: 200 })
    expect(await it.api('POST', '/template-2/sync')).toMatchObject({
      status: 200,
      content: { success: true, recordCount: 1, status: 'success' },
    })
    expect(await stored()).toMatchObject([{ record_name: 'First', status: 'changed' }, { record_name: 'Second' }])

    service.accepts = 'nobody'
    expect(await it.api('POST', '/template-2/sync')).toMatchObject({
      status: 502,
      content: 'failed: Failed to fetch: 401',
      body: { code: 'PLUGIN_ANSWERED', details: { success: false } },
    })
    expect(await plugin.uninstall()).toBe('Plugin uninstalled. Removed 2 records.')
    expect(await tablesOfPlugins()).toEqual([])
  })
})

describe('Template 3', () => {
  test('makes a workbook with the people of its own organization, and imports rows', { timeout: 120_000 }, async () => {
    const plugin = await install('template-3')
    expect(plugin.message).toBe('Plugin installed. You can now import data via Excel.')
    const role = await sharedRole()
    await it.pool.query(`
      CREATE TABLE "${schema}".your_table (id serial PRIMARY KEY, name varchar(20), type text, created_at timestamptz);
      GRANT INSERT ON "${schema}".your_table TO ${role};
      GRANT USAGE ON SEQUENCE "${schema}".your_table_id_seq TO ${role}`)

    const template = await it.api('GET', '/template-3/template')
    expect(template.status).toBe(200)
    expect(template.headers.get('content-type')).toContain('spreadsheetml.sheet')
    expect(template.headers.get('content-disposition')).toBe('attachment; filename="import_template.xlsx"')
    const workbook = new ExcelJS.Workbook()
    await workbook.xlsx.load(template.bytes as unknown as ArrayBuffer)
    const sheet = workbook.getWorksheet('Data Import')
    expect(sheet?.getRow(1).values).toEqual([undefined, 'Name *', 'Type *', 'Owner *', 'Status', 'Due Date'])
    expect(sheet?.getCell(2, 3).dataValidation).toMatchObject({
      type: 'list',
      formulae: ['"User - 1@example.org (ID: 1)"'],
    })
    expect(sheet?.getCell(1000, 2).dataValidation).toMatchObject({ formulae: ['"Type A,Type B,Type C"'] })

    const imported = (csvData: unknown) => it.api('POST', '/template-3/import', { csvData })
    expect(await imported([{ name: 'One', type: 'Type A' }, { name: ' ' }, { name: 'Two', type: 'X' }])).toMatchObject({
      status: 200,
      content: {
        success: false,
        imported: 0,
        failed: 3,
        errors: [
          { row: 3, field: 'name', message: 'Name is required' },
          { row: 4, field: 'type', message: 'Invalid type. Must be: Type A, Type B, Type C' },
        ],
      },
    })
    expect(await imported([{ name: 'One', type: 'Type A' }, { name: 'x'.repeat(21) }])).toMatchObject({
      status: 200,
      content: {
        success: true,
        imported: 1,
        failed: 1,
        errors: [{ row: 3, field: 'general', message: expect.stringContaining('value too long') as string }],
      },
    })
    expect(await imported('rows')).toMatchObject({
      status: 400,
      content: 'CSV data is required and must be an array',
    })
    expect(await it.api('POST', '/template-3/import', {})).toMatchObject({
      status: 400,
      content: 'CSV data is required and must be an array',
    })
    expect(await plugin.uninstall()).toBe('Plugin uninstalled.')
  })
})
