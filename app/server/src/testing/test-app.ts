import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import type { Principal } from '@tenon/contract'
import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import type { Express } from 'express'
import pg from 'pg'
import { pino } from 'pino'
import { createAccounts } from '../accounts/accounts.js'
import { type AuthenticatedRequest, createAuthenticate } from '../accounts/authenticate.js'
import { createEndedSessions } from '../accounts/ended-sessions.js'
import { isHttps } from '../accounts/session-cookie.js'
import { createSessions } from '../accounts/sessions.js'
import { createApp } from '../create-app.js'
import { parseSettings, type Settings } from '../env.js'
import type { PluginHostPort } from '../plugin-host-port.js'
import { hostOptions } from '../start/host-options.js'
import { createHostMigrator, createPluginHost, type PluginHostOptions } from '@tenon/host'
import { appMigrations } from '../migrations/index.js'

export const testJwtSecret = 'a secret of the tests, long enough to be one'
export const testSecretKey = 'a key of the tests that is long enough to be one'

/** What tests look into; which of it is there depends on the endpoint. */
export interface AnswerData {
  [field: string]: unknown
  id: number
  token: string
  user: { id: number; isOperator: boolean; lastLogin: string | null }
  organization: { id: number; tenantId: string }
  items: { risk_name: string }[]
  total: number
}

export interface Answer {
  status: number
  headers: Headers
  /** The whole body, as parsed JSON. */
  body: {
    message: string
    data: AnswerData
    error?: string
    code?: string
    requestId?: string
    details?: Record<string, unknown>
  }
}

export interface TestApp {
  url: string
  app: Express
  pool: pg.Pool
  host: PluginHostPort
  /** Lines of the log. */
  logged: Record<string, unknown>[]
  finishInterrupted(): Promise<void>
  /** Looks at the marketplace, and begins with what happens by itself. Not done at once: most tests need no plugins. */
  start(): Promise<void>
  authenticate(req: AuthenticatedRequest): Promise<Principal>
  call(method: string, path: string, options?: { token?: string; body?: unknown; headers?: object }): Promise<Answer>
  /** Registers an organization and answers its admin's token and ids. */
  register(name?: string): Promise<{ token: string; organizationId: number; tenantId: string; email: string }>
  /** Adds a person to the admin's organization and signs in as that person. */
  addUser(adminToken: string, role: string): Promise<{ token: string; id: number; email: string }>
  stop(): Promise<void>
}

interface TestAppOptions {
  settings?: Partial<Settings>
  /** Changes the host, to let a step of it fail. */
  host?: (host: PluginHostPort) => PluginHostPort
  /** A built web client to serve. */
  clientDirectory?: string
  /** A database that is there already, and stays. Default: one of its own. */
  database?: Pick<TestDatabase, 'connection'>
  /** Default: an empty one. */
  marketplaceLocation?: string
  limits?: PluginHostOptions['limits']
}

export const testPassword = 'correct horse battery'

/** A database with the tables of the application. */
export function createAppDatabase(): Promise<TestDatabase> {
  return createTestDatabase({
    template: {
      name: 'app-server',
      async build(connection) {
        const pool = new pg.Pool(connection)
        await createHostMigrator({ pool, application: appMigrations }).up()
        await pool.end()
      },
    },
  })
}

/** The application on a free port. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const ownDatabase = options.database ? undefined : await createAppDatabase()
  const { connection } = options.database ?? (ownDatabase as TestDatabase)
  const pool = new pg.Pool(connection)
  const settings = { ...parseSettings({}), ...options.settings }
  const logged: Record<string, unknown>[] = []
  const logStream = new PassThrough().on('data', (line: Buffer) => logged.push(JSON.parse(line.toString())))
  const log = pino({}, logStream)
  const sessions = createSessions({ secret: testJwtSecret })
  const endedSessions = createEndedSessions({ pool })
  const { operatorEmails } = settings
  const https = isHttps(settings.publicUrl)
  const authenticate = createAuthenticate({ pool, sessions, endedSessions, operatorEmails, https })
  const dataDir = await mkdtemp(join(tmpdir(), 'tenon-app-'))
  const fromSettings = await hostOptions({
    database: { pool, connection },
    settings: { ...settings, dataDir },
    secrets: { secretKeys: [testSecretKey] },
    marketplaceLocation: options.marketplaceLocation ?? join(dataDir, 'plugins.json'),
    publicUrl: 'http://localhost',
    authenticate,
    log,
  })
  const pluginHost = await createPluginHost({ ...fromSettings, ...(options.limits ? { limits: options.limits } : {}) })
  const host = (options.host ?? ((same) => same))(pluginHost)
  const accounts = createAccounts({ pool, host, sessions, endedSessions, settings, log })
  const { clientDirectory } = options
  const app = createApp({ pool, host, accounts, settings, log, authenticate, clientDirectory })
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const call: TestApp['call'] = async (method, path, { token, body, headers } = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
  }

  let people = 0
  return {
    url,
    app,
    pool,
    host,
    logged,
    finishInterrupted: accounts.finishInterrupted,
    start: () => pluginHost.start(),
    authenticate,
    call,
    async register(name = `Organization ${++people}`) {
      const email = `admin${++people}@example.com`
      const answer = await call('POST', '/api/auth/register', {
        body: { organizationName: name, name: 'Ada', surname: 'Admin', email, password: testPassword },
      })
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
      const { token, organization } = answer.body.data
      return { token, organizationId: organization.id, tenantId: organization.tenantId, email }
    },
    async addUser(adminToken, role) {
      const email = `${role.toLowerCase()}${++people}@example.com`
      const body = { name: role, surname: 'Person', email, role, password: testPassword }
      const added = await call('POST', '/api/users', { token: adminToken, body })
      const login = await call('POST', '/api/auth/login', { body: { email, password: testPassword } })
      return { token: login.body.data.token, id: added.body.data.id, email }
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await pluginHost.stop()
      await pool.end()
      await ownDatabase?.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
