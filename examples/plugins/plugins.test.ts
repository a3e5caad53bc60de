import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { runCommandLine } from '@tenon/cli'
import { parseAllowPrivate } from '@tenon/host'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ground, prepareGround } from '../../doctor/src/ground.js'
import { referenceApplication } from '../../doctor/src/reference-application.js'
import { type DeploymentInTest, prepareDeploymentInTest } from '../../doctor/src/testing/ground-in-test.js'

// The reference application's own host installs and uses a plugin of each kind: those of this folder, and those that
// `tenon create` has just made. Nothing in the host is written for any of them.

const examples = import.meta.dirname
let fresh: string
let service: Service
let deployment: DeploymentInTest
let ground: Ground

beforeAll(async () => {
  fresh = await mkdtemp(path.join(tmpdir(), 'tenon-plugins-'))
  service = await startService()
  deployment = await prepareDeploymentInTest()
  const account = {
    clientId: 'id',
    clientSecret: 'secret',
    authorizeUrl: 'https://api.example.com/authorize',
    tokenUrl: 'https://api.example.com/token',
    audience: ['api.example.com'],
  }
  const host = {
    ...deployment.host,
    grantable: { ...deployment.host.grantable, connections: { 'team-chat': account, 'fresh-connection': account } },
    egress: { allowPrivate: parseAllowPrivate(`127.0.0.1/32:${service.port}`) },
  }
  ground = await prepareGround({ host, connection: deployment.connection, application: referenceApplication })
})
afterAll(async () => {
  await ground?.close()
  await deployment?.close()
  await service?.close()
  await rm(fresh, { recursive: true, force: true })
})

async function create(kind: string, key: string): Promise<void> {
  const said: string[] = []
  const write = (text: string): void => void said.push(text)
  const exitCode = await runCommandLine(['create', kind, key, '--marketplace', fresh], { out: write, error: write })
  expect(exitCode, said.join('')).toBe(0)
}

/** Installs a plugin of a marketplace as the ground's first organization. */
async function install(marketplace: string, key: string, configuration?: Record<string, unknown>): Promise<void> {
  const { plugins } = JSON.parse(await readFile(path.join(marketplace, 'plugins.json'), 'utf8')) as {
    plugins: Record<string, unknown>[]
  }
  const written = plugins.find((one) => one['key'] === key)
  if (!written) throw new Error(`There is no ${key} in ${marketplace}`)
  // The ground puts files where it wants them.
  const { pluginPath: _, ...entry } = written
  const files = await filesOf(path.join(marketplace, 'plugins', key))
  const { status } = await ground.install(ground.attacker, { key, entry, files }, configuration)
  expect(status).toBe('installed')
}

async function filesOf(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(ts|json)$/.test(name))
  const files: [string, string][] = []
  for (const name of names.filter((one) => !one.endsWith('.test.ts'))) {
    const place = path.join(folder, name)
    if ((await stat(place)).isFile()) files.push([name, await readFile(place, 'utf8')])
  }
  return Object.fromEntries(files)
}

const call = (key: string, method: string, place: string, body?: unknown) =>
  ground.call(ground.attacker, key, method, place, body)

describe.each([
  ['this folder', 'team-chat', 'asset-sync', 'vendor-import', false],
  ['tenon create', 'fresh-connection', 'fresh-sync', 'fresh-import', true],
])('of %s', (_, connection, sync, importer, isFresh) => {
  const marketplace = () => (isFresh ? fresh : examples)
  beforeAll(async () => {
    if (!isFresh) return
    await create('connection', connection)
    await create('data-sync', sync)
    await create('import', importer)
  })

  it(
    `a connection plugin (${connection}) is installed, and says that nobody is connected`,
    { timeout: 60_000 },
    async () => {
      await install(marketplace(), connection)
      expect(await call(connection, 'POST', '/test-message')).toMatchObject({ status: 409 })
    },
  )

  it(
    `a data sync plugin (${sync}) copies every page, and writes nothing when nothing has changed`,
    { timeout: 60_000 },
    async () => {
      await install(marketplace(), sync, { server_url: service.url, api_token: 'right' })
      expect(await call(sync, 'POST', '/sync')).toMatchObject({
        status: 200,
        data: { success: true, recordCount: 5, written: 5 },
      })
      expect(await call(sync, 'POST', '/sync')).toMatchObject({ data: { recordCount: 5, written: 0 } })
      expect(await call(sync, 'GET', '/records')).toMatchObject({
        data: {
          total: 5,
          records: expect.arrayContaining([expect.objectContaining({ name: 'Asset 3' })]) as unknown[],
        },
      })
      service.token = 'another'
      expect(await call(sync, 'POST', '/sync')).toMatchObject({
        status: 422,
        data: { success: false, message: 'The server refused the API token.' },
      })
      service.token = 'right'
      await ground.uninstall(ground.attacker, sync)
    },
  )

  it(`an import plugin (${importer}) stores all rows or none`, { timeout: 120_000 }, async () => {
    await install(marketplace(), importer)
    const template = await call(importer, 'GET', '/template')
    expect(Buffer.from(template.buffer ?? []).toString()).toBe('Name,Due date,Amount\n')
    const wrong = [{ name: 'A' }, { name: '', amount: 'x' }]
    expect(await call(importer, 'POST', '/import', { csvData: wrong })).toMatchObject({
      data: {
        success: false,
        imported: 0,
        errors: [
          { row: 3, field: 'name' },
          { row: 3, field: 'amount' },
        ],
      },
    })
    const right = [{ name: 'A', due_date: '2030-12-31', amount: 1.5 }, { name: 'B\t\\' }]
    expect(await call(importer, 'POST', '/import', { csvData: right })).toMatchObject({ data: { imported: 2 } })
    expect(await call(importer, 'GET', '/items')).toMatchObject({
      data: {
        total: 2,
        items: [
          { name: 'A', amount: '1.5' },
          { name: 'B\t\\', amount: null },
        ],
      },
    })
    await ground.uninstall(ground.attacker, importer)
  })
})

interface Service {
  url: string
  port: number
  token: string
  close(): Promise<void>
}

/** Three pages of records, for whoever has the token. */
async function startService(): Promise<Service> {
  const service = { token: 'right' }
  const pages: Record<string, object> = {
    '': { records: [1, 2].map(record), nextPage: 'b' },
    b: { records: [3, 4].map(record), nextPage: 'c' },
    c: { records: [5].map(record) },
  }
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    const isKnown = request.headers.authorization === `Bearer ${service.token}`
    response.writeHead(isKnown ? 200 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(isKnown ? (pages[url.searchParams.get('page') ?? ''] ?? {}) : {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(service, {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  })
}

const record = (id: number) => ({ id: String(id), name: `Asset ${id}` })
