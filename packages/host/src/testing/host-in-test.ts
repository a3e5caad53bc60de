import { createServer, type Server } from 'node:http'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import type { Principal, RoleName } from '@tenon/contract'
import express from 'express'
import pg from 'pg'
import pino from 'pino'
import { createPluginHost } from '../compose.js'
import type { PluginHost, PluginHostOptions } from '../plugin-host.js'
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
  bytes: Buffer
  headers: Headers
}

/** Who sends a request; an admin of organization 1 where nothing else is said. */
export interface Who {
  role?: RoleName
  organizationId?: number
  userId?: number
  sessionId?: string
  isOperator?: boolean
}

export type CallApi = (method: string, path: string, body?: unknown, who?: Who) => Promise<ApiAnswer>

/** What outlives a host: its database, its disk, and the marketplace. */
export interface Surroundings {
  connection: pg.ClientConfig
  pool: pg.Pool
  registry: Registry
  /** For temporary files; removed in the end. */
  directory: string
  close(): Promise<void>
}

/** One running host, with a server in front of it. */
export interface Replica {
  host: PluginHost
  log: string[]
  url: string
  /** A request by a user of an organization. */
  api: CallApi
  close(): Promise<void>
}

export interface HostInTest extends Replica, Omit<Surroundings, 'close'> {
  /** Adds or replaces plugins in the marketplace and makes the host look at it. */
  publish(...plugins: TestPlugin[]): Promise<void>
  /** For organization 1. Answers the id of the installation. */
  install(pluginKey: string): Promise<number>
  /** A second host on the same database, as on another machine. The caller closes it. */
  startReplica(options?: Partial<PluginHostOptions>): Promise<Replica>
}

/** A real host on a real database behind a real server, with a marketplace that is fetched over HTTP. */
export async function startHostInTest(options: Partial<PluginHostOptions> = {}): Promise<HostInTest> {
  const surroundings = await prepareSurroundings()
  const first = await openReplica(surroundings, options)
  let replicas = 1
  return {
    ...surroundings,
    ...first,
    async publish(...plugins) {
      await surroundings.registry.publish(...plugins)
      await refresh(first.host)
    },
    async install(pluginKey) {
      const { status, content, body } = await first.api('POST', '/install', { pluginKey })
      if (status !== 201) throw new Error(`${pluginKey} was not installed: ${JSON.stringify(body)}`)
      return (content as { id: number }).id
    },
    startReplica(others = {}) {
      replicas += 1
      const dataDir = path.join(surroundings.directory, `data-${replicas}`)
      return openReplica(surroundings, { ...options, dataDir, ...others })
    },
    async close() {
      await first.close()
      await surroundings.close()
    },
  }
}

/** Rows of a plugin's own tables, which not even the host may read: asked in the name of the role that owns them. */
export async function readAsRole<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  role: string,
  sql: string,
): Promise<Row[]> {
  const client = await pool.connect()
  try {
    await client.query(`BEGIN; GRANT ${role} TO CURRENT_USER; SET LOCAL ROLE ${role}`)
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

export async function prepareSurroundings(): Promise<Surroundings> {
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
  const pool = openPool(database.connection)
  return {
    connection: database.connection,
    pool,
    registry,
    directory,
    async close() {
      await pool.end()
      await registry.close()
      await database.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function openPool(connection: pg.ClientConfig): pg.Pool {
  // A test that blocks many operations at once must not wait for a connection instead of for what it blocks.
  const pool = new pg.Pool({ ...connection, max: 40, options: hostConnectionOptions })
  pool.on('error', () => {})
  return pool
}

/** Starts a host; organizations 1 and 2 are its tenants. */
export async function openReplica(
  { connection, registry, directory }: { connection: pg.ClientConfig; registry: { url: string }; directory: string },
  options: Partial<PluginHostOptions> = {},
): Promise<Replica> {
  const pool = openPool(connection)
  const log: string[] = []
  const host = await createPluginHost({
    database: { pool, connection },
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
  const { server, url } = await listen(express().use('/api/plugins', host.router))
  return {
    host,
    log,
    url,
    api: createApi(url),
    async close() {
      server.closeAllConnections()
      server.close()
      await host.stop()
      await pool.end()
    },
  }
}

export function createApi(url: string): CallApi {
  return async (
    method,
    apiPath,
    body,
    { role = 'Admin', organizationId = 1, userId, sessionId, isOperator = false } = {},
  ) => {
    const response = await fetch(`${url}/api/plugins${apiPath}`, {
      method,
      headers: {
        'x-test-user': [
          role,
          organizationId,
          userId ?? organizationId,
          sessionId ?? 'session of the test',
          isOperator,
        ].join(':'),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const text = bytes.toString()
    const parsed = (text.startsWith('{') ? JSON.parse(text) : { data: text }) as Record<string, unknown>
    return {
      status: response.status,
      content: parsed['data'] ?? parsed['error'],
      body: parsed,
      bytes,
      headers: response.headers,
    }
  }
}

async function refresh(host: PluginHost): Promise<void> {
  const { outcome, problems, error } = await host.refreshMarketplace()
  if (outcome === 'failed' || problems.some(({ severity }) => severity !== 'warning'))
    throw new Error(`the marketplace of the test is wrong: ${error?.message} ${JSON.stringify(problems)}`)
}

function principalFrom(header: unknown): Principal {
  const [role = '', organization = '1', user = organization, sessionId = '', operator] = String(header).split(':')
  const organizationId = Number(organization)
  return {
    userId: Number(user),
    organizationId,
    tenantId: getTenantHash(organizationId),
    role: role as RoleName,
    sessionId,
    isOperator: operator === 'true',
  }
}

/** A static server of a marketplace folder, which counts what it is asked. */
export interface Registry {
  url: string
  /** Paths that were asked for, in order. */
  requests: string[]
  /** Answers every request with 503 while it is true. */
  down: boolean
  /** The folder that it serves. */
  directory: string
  /** Leaves requests for this path without an answer until the returned function is called. */
  hold(pathname: string): () => void
  publish(...plugins: TestPlugin[]): Promise<void>
  close(): Promise<void>
}

async function startRegistry(directory: string): Promise<Registry> {
  const entries = new Map<string, Record<string, unknown>>()
  await mkdir(directory, { recursive: true })
  const requests: string[] = []
  const held = new Map<string, Promise<void>>()
  const registry: Registry = {
    url: '',
    requests,
    down: false,
    directory,
    hold(pathname) {
      let release = () => {}
      held.set(pathname, new Promise<void>((resolve) => (release = resolve)))
      return () => {
        held.delete(pathname)
        release()
      }
    },
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
    Promise.resolve(held.get(name))
      .then(() => readFile(path.join(directory, name)))
      .then(
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
