import { createServer, type Server } from 'node:http'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import type { Principal, RoleName } from '@tenon/contract'
import express from 'express'
import pg from 'pg'
import pino from 'pino'
import { createPluginHost, type PluginHost, type PluginHostOptions } from '../compose.js'
import { hardenDatabase, hostConnectionOptions } from '../tenancy/index.js'
import { getTenantHash } from '../tenancy/tenant-hash.js'
import { applicationGrantable, applicationTables, applicationTenantTables } from './tenancy-database.js'

/** A plugin as its author would hand it in: fields of its entry, and its files. */
export interface TestPlugin {
  key: string
  entry?: Record<string, unknown>
  files: Record<string, string>
}

/** One answer of the API. */
export interface ApiAnswer {
  status: number
  /** `data` below 500, `error` from 500 on. */
  content: unknown
  body: Record<string, unknown>
  headers: Headers
}

export interface HostInTest {
  host: PluginHost
  pool: pg.Pool
  registry: Registry
  log: string[]
  /** A request by a user of an organization. */
  api(
    method: string,
    path: string,
    body?: unknown,
    who?: { role?: RoleName; organizationId?: number },
  ): Promise<ApiAnswer>
  /** Adds or replaces plugins in the marketplace and makes the host look at it. */
  publish(...plugins: TestPlugin[]): Promise<void>
  url: string
  close(): Promise<void>
}

/** A real host on a real database behind a real server, with a marketplace that is fetched over HTTP. */
export async function startHostInTest(options: Partial<PluginHostOptions> = {}): Promise<HostInTest> {
  const database = await createTestDatabase({
    template: {
      name: 'host-in-test',
      build: async (_connection, superuser) => {
        if (!superuser) return
        const client = new pg.Client(superuser)
        await client.connect()
        await hardenDatabase(client, { hostRole: _connection.user })
        await client.end()
      },
    },
  })
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-host-test-'))
  const registry = await startRegistry(path.join(directory, 'marketplace'))
  const pool = new pg.Pool({ ...database.connection, max: 20, options: hostConnectionOptions })
  const log: string[] = []
  const host = await createPluginHost({
    database: { pool, connection: database.connection },
    marketplace: { location: `${registry.url}/plugins.json`, refreshIntervalMs: 3_600_000 },
    secretKeys: ['a secret key of this test'],
    publicUrl: 'http://localhost',
    authenticate: async (request) => principalFrom(request.headers['x-test-user']),
    grantable: { tables: applicationGrantable, allowUndeclared: true },
    migrations: { platform: [applicationTables], tenant: [applicationTenantTables] },
    installLimitPerHour: 1_000,
    dataDir: path.join(directory, 'data'),
    log: pino({ level: 'debug' }, { write: (line: string) => void log.push(line) }),
    ...options,
  })
  for (const organizationId of [1, 2]) await host.createTenant(organizationId)
  await host.start()
  const app = express().use('/api/plugins', host.router)
  const { server, url } = await listen(app)

  return {
    host,
    pool,
    registry,
    log,
    url,
    async api(method, apiPath, body, { role = 'Admin', organizationId = 1 } = {}) {
      const response = await fetch(`${url}/api/plugins${apiPath}`, {
        method,
        headers: {
          'x-test-user': `${role}:${organizationId}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const parsed = (text.startsWith('{') ? JSON.parse(text) : { data: text }) as Record<string, unknown>
      return {
        status: response.status,
        content: parsed['data'] ?? parsed['error'],
        body: parsed,
        headers: response.headers,
      }
    },
    async publish(...plugins) {
      await registry.publish(...plugins)
      await refresh(host)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await host.stop()
      await pool.end()
      await registry.close()
      await database.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function refresh(host: PluginHost): Promise<void> {
  const { outcome, problems, error } = await host.refreshMarketplace()
  if (outcome === 'failed' || problems.length > 0)
    throw new Error(`the marketplace of the test is wrong: ${error?.message} ${JSON.stringify(problems)}`)
}

function principalFrom(header: unknown): Principal {
  const [role = '', organization = '1'] = String(header).split(':')
  const organizationId = Number(organization)
  return {
    userId: organizationId,
    organizationId,
    tenantId: getTenantHash(organizationId),
    role: role as RoleName,
    sessionId: 'session of the test',
    isOperator: false,
  }
}

/** A static server of a marketplace folder, which counts what it is asked. */
export interface Registry {
  url: string
  /** Paths that were asked for, in order. */
  requests: string[]
  /** Answers every request with 503 while it is true. */
  down: boolean
  publish(...plugins: TestPlugin[]): Promise<void>
  close(): Promise<void>
}

async function startRegistry(directory: string): Promise<Registry> {
  const entries = new Map<string, Record<string, unknown>>()
  await mkdir(directory, { recursive: true })
  const requests: string[] = []
  const registry: Registry = {
    url: '',
    requests,
    down: false,
    async publish(...plugins) {
      for (const { key, entry, files } of plugins) {
        entries.set(key, { ...plainEntry(key), ...entry })
        for (const [name, text] of Object.entries(files)) {
          await mkdir(path.dirname(path.join(directory, key, name)), { recursive: true })
          await writeFile(path.join(directory, key, name), text)
        }
      }
      await writeFile(
        path.join(directory, 'plugins.json'),
        JSON.stringify({ version: '1.0.0', plugins: [...entries.values()], categories: [] }),
      )
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
  await registry.publish()
  const { server, url } = await listen((request, response) => {
    const name = new URL(request.url ?? '/', 'http://registry').pathname
    requests.push(name)
    if (registry.down) return void response.writeHead(503).end()
    readFile(path.join(directory, name)).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    )
  })
  registry.url = url
  return registry
}

function plainEntry(key: string): Record<string, unknown> {
  return {
    key,
    name: key,
    displayName: key,
    description: `The plugin ${key}`,
    version: '1.0.0',
    category: 'data_management',
    isOfficial: false,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'tenant_scoped',
    features: [],
    tags: [],
    pluginPath: key,
    entryPoint: 'index.ts',
    dependencies: {},
    permissions: { database: { tenantSchema: true } },
  }
}

async function listen(handler: Parameters<typeof createServer>[1]): Promise<{ server: Server; url: string }> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { server, url: `http://127.0.0.1:${address.port}` }
}
