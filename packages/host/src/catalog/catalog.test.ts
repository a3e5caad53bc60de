import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createMigrator } from '../migrations/index.js'
import { createCatalog, type Catalog, type CatalogOptions } from './catalog.js'
import { createPostgresCatalogStore, type CatalogStore } from './catalog-store.js'
import { engineRefusals } from './engines.js'
import { catalogMigration } from './migration.js'

let database: TestDatabase
let pool: pg.Pool
let store: CatalogStore
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ ...database.connection, max: 2 })
  await createMigrator({ pool, platform: [catalogMigration], tenant: [] }).up()
  store = createPostgresCatalogStore(pool)
})

afterAll(async () => {
  await pool.end()
  await database.drop()
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function pluginEntry(key: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    key,
    name: key,
    displayName: `${key} integration`,
    description: `What ${key} does`,
    version: '1.0.0',
    category: 'ml_ops',
    isOfficial: true,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'standard',
    pluginPath: `plugins/${key}`,
    entryPoint: 'index.ts',
    ...changes,
  }
}

function manifestOf(...plugins: unknown[]): string {
  return JSON.stringify({ version: '1.0.0', plugins, categories: [] })
}

async function serve(listener: RequestListener): Promise<{ url: string; server: Server; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    listener(request, response)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/plugins.json`, server, requests }
}

function makeCatalog(location: string, options: Partial<CatalogOptions> = {}): Catalog {
  const catalog = createCatalog({ location, fetch, store, ...options })
  cleanups.push(() => catalog.stop())
  return catalog
}

async function startedCatalog(location: string, options: Partial<CatalogOptions> = {}): Promise<Catalog> {
  const catalog = makeCatalog(location, options)
  await catalog.start()
  return catalog
}

describe('what the catalog offers', () => {
  const manifest = manifestOf(
    pluginEntry('mlflow', { displayName: 'MLflow', tags: ['model-tracking'], category: 'ml_ops' }),
    pluginEntry('slack', {
      displayName: 'Slack',
      description: 'Messages, also from MLflow',
      category: 'communication',
    }),
    pluginEntry('flowers', { displayName: 'Garden', tags: ['mlflow-friend'] }),
    pluginEntry('hidden', { displayName: 'MLflow hidden', isPublished: false }),
  )

  async function offer(): Promise<Catalog> {
    const { url } = await serve((_request, response) => response.end(manifest))
    return startedCatalog(url)
  }

  it('lists published entries, all or of one category', async () => {
    const catalog = await offer()
    expect(catalog.list().map(({ key }) => key)).toEqual(['mlflow', 'slack', 'flowers'])
    expect(catalog.list({ category: 'communication' }).map(({ key }) => key)).toEqual(['slack'])
    expect(catalog.list({ category: 'nothing' })).toEqual([])
  })

  it('hides what is not published everywhere (S14)', async () => {
    const catalog = await offer()
    expect(catalog.get('hidden')).toBeUndefined()
    expect(catalog.search('hidden')).toEqual([])
  })

  it('finds nothing under the names that every object has', async () => {
    const catalog = await offer()
    expect(catalog.get('constructor')).toBeUndefined()
    expect(catalog.get('__proto__')).toBeUndefined()
  })

  it('ranks a hit in a name above one in a tag above one in the text, whatever the case', async () => {
    const catalog = await offer()
    expect(catalog.search('MLFLOW').map(({ key }) => key)).toEqual(['mlflow', 'flowers', 'slack'])
    expect(catalog.search('ardE').map(({ key }) => key)).toEqual(['flowers'])
    expect(catalog.search('  ')).toEqual([])
    expect(catalog.search('%')).toEqual([])
  })

  it('lists the seven categories also when the manifest declares fewer (C5)', async () => {
    const catalog = await offer()
    expect(catalog.categories()).toHaveLength(7)
  })

  it('makes not one request for any number of questions', async () => {
    const { url, requests } = await serve((_request, response) => response.end(manifest))
    const catalog = await startedCatalog(url)
    for (let i = 0; i < 1000; i += 1) catalog.list()
    catalog.search('mlflow')
    expect(requests).toEqual(['GET /plugins.json'])
  })
})

describe('looking at the registry', () => {
  it('asks conditionally and takes 304 for "still current"', async () => {
    const seen: (string | undefined)[] = []
    const { url } = await serve((request, response) => {
      seen.push(request.headers['if-none-match'])
      if (request.headers['if-none-match'] === '"v1"') return response.writeHead(304).end()
      return response.setHeader('etag', '"v1"').end(manifestOf(pluginEntry('mlflow')))
    })
    const catalog = await startedCatalog(url)
    const before = catalog.status().fetchedAt
    expect((await catalog.refresh()).outcome).toBe('unchanged')
    expect(seen).toEqual([undefined, '"v1"'])
    expect(catalog.status().etag).toBe('"v1"')
    expect(catalog.status().fetchedAt?.getTime()).toBeGreaterThanOrEqual(before?.getTime() ?? Infinity)
    expect(catalog.list()).toHaveLength(1)
  })

  it('asks with If-Modified-Since where the server gives a date only', async () => {
    const date = 'Sun, 01 Nov 2026 10:00:00 GMT'
    const { url } = await serve((request, response) => {
      if (request.headers['if-modified-since'] === date) return response.writeHead(304).end()
      return response.setHeader('last-modified', date).end(manifestOf(pluginEntry('mlflow')))
    })
    const catalog = await startedCatalog(url)
    expect((await catalog.refresh()).outcome).toBe('unchanged')
  })

  it('takes up a new release', async () => {
    let manifest = manifestOf(pluginEntry('mlflow'))
    const { url } = await serve((_request, response) => response.end(manifest))
    const catalog = await startedCatalog(url)
    manifest = manifestOf(pluginEntry('mlflow', { version: '2.0.0' }), pluginEntry('slack'))
    expect(await catalog.refresh()).toMatchObject({ outcome: 'updated', entries: 2 })
    expect(catalog.get('mlflow')?.version).toBe('2.0.0')
  })

  it('looks by itself after the interval, and no more once stopped', async () => {
    const { url, requests } = await serve((_request, response) => response.end(manifestOf()))
    const catalog = await startedCatalog(url, { refreshIntervalMs: 30 })
    await expect.poll(() => requests.length).toBeGreaterThan(2)
    catalog.stop()
    await catalog.refresh()
    const { length } = requests
    await new Promise((passed) => setTimeout(passed, 120))
    expect(requests).toHaveLength(length)
  })

  it('does not look before the interval has passed', async () => {
    const { url, requests } = await serve((_request, response) => response.end(manifestOf()))
    await startedCatalog(url, { refreshIntervalMs: 15_000 })
    const { length } = requests
    await new Promise((passed) => setTimeout(passed, 120))
    expect(requests).toHaveLength(length)
  })

  it('makes one look of many at once', async () => {
    const { url, requests } = await serve((_request, response) => setTimeout(() => response.end(manifestOf()), 30))
    const catalog = makeCatalog(url)
    await Promise.all(Array.from({ length: 20 }, () => catalog.refresh()))
    expect(requests).toHaveLength(1)
  })

  it('follows redirects to http', async () => {
    const target = await serve((_request, response) => response.end(manifestOf(pluginEntry('mlflow'))))
    const { url } = await serve((_request, response) => response.writeHead(302, { location: target.url }).end())
    expect((await startedCatalog(url)).list()).toHaveLength(1)
  })

  it('follows 5 redirects at most', async () => {
    const { url } = await serve((request, response) => {
      const left = Number(new URL(request.url ?? '', 'http://x').searchParams.get('left'))
      if (left === 0) response.end(manifestOf(pluginEntry('mlflow')))
      else response.writeHead(302, { location: `?left=${left - 1}` }).end()
    })
    const most = 5
    expect(await makeCatalog(`${url}?left=${most}`).refresh()).toMatchObject({ outcome: 'updated' })
    expect(await makeCatalog(`${url}?left=${most + 1}`).refresh()).toMatchObject({
      error: { code: 'MANIFEST_REDIRECT_REFUSED' },
    })
  })

  it('reports bad entries and offers the rest', async () => {
    const manifest = manifestOf(pluginEntry('../../escaped'), pluginEntry('mlflow'), 17, pluginEntry('mlflow'))
    const { url } = await serve((_request, response) => response.end(manifest))
    const catalog = await startedCatalog(url)
    expect(catalog.list().map(({ key }) => key)).toEqual(['mlflow'])
    expect(catalog.status().problems.map(({ index, path }) => `${index} ${path}`)).toEqual([
      '0 key',
      '0 pluginPath',
      '2 ',
      '3 key',
    ])
  })
})

describe('a registry that does harm', () => {
  const failures: [what: string, code: string, listener: RequestListener][] = [
    ['a 500', 'MARKETPLACE_UNREACHABLE', (_request, response) => response.writeHead(500).end('x')],
    ['a 404', 'MARKETPLACE_UNREACHABLE', (_request, response) => response.writeHead(404).end('x')],
    ['HTML', 'MANIFEST_NOT_JSON', (_request, response) => response.end('<html>Sign in</html>')],
    [
      'bytes that are not text',
      'MANIFEST_NOT_JSON',
      (_request, response) => response.end(Buffer.from([0x22, 0xff, 0x22])),
    ],
    ['another JSON document', 'MANIFEST_INVALID', (_request, response) => response.end('{"name": "x"}')],
    ['only bad entries', 'MANIFEST_INVALID', (_request, response) => response.end(manifestOf(1, 2))],
    [
      'a body that ends early',
      'MARKETPLACE_UNREACHABLE',
      (_request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('{"plugins": [')
        setTimeout(() => response.destroy(), 20)
      },
    ],
    ['a closed connection', 'MARKETPLACE_UNREACHABLE', (_request, response) => response.destroy()],
    ['a body that never ends', 'MARKETPLACE_UNREACHABLE', (_request, response) => void response.write('{')],
    ['silence', 'MARKETPLACE_UNREACHABLE', () => undefined],
    [
      'a redirect to a file',
      'MANIFEST_REDIRECT_REFUSED',
      (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    ],
    [
      'a redirect to data',
      'MANIFEST_REDIRECT_REFUSED',
      (_request, response) => response.writeHead(302, { location: 'data:application/json,{"plugins":[]}' }).end(),
    ],
    [
      'a redirect to itself',
      'MANIFEST_REDIRECT_REFUSED',
      (request, response) => response.writeHead(302, { location: request.url }).end(),
    ],
  ]

  it.each(failures)('%s is %s, and what was there stays', async (_what, code, listener) => {
    let broken = false
    const { url } = await serve((request, response) => {
      if (broken) listener(request, response)
      else response.end(manifestOf(pluginEntry('mlflow')))
    })
    const catalog = await startedCatalog(url, { timeoutMs: 300 })
    broken = true
    const report = await catalog.refresh()
    expect(report).toMatchObject({ outcome: 'failed', entries: 1, error: { code } })
    expect(catalog.status()).toMatchObject({ stale: true, error: { code } })
    expect(catalog.list()).toHaveLength(1)
    broken = false
    await catalog.refresh()
    expect(catalog.status().stale).toBe(false)
  })

  it('that answers 304 to a first request has given nothing', async () => {
    const { url } = await serve((_request, response) => response.writeHead(304).end())
    expect((await makeCatalog(url).refresh()).error).toMatchObject({ code: 'MARKETPLACE_UNREACHABLE' })
  })

  it('never buffers a body of 100 MB', async () => {
    const chunk = Buffer.alloc(1_000_000, ' ')
    let sent = 0
    const { url } = await serve((_request, response) => {
      const more = (): void => {
        while (sent < 100_000_000 && !response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    })
    const before = process.memoryUsage().rss
    const report = await makeCatalog(url).refresh()
    expect(report.error).toMatchObject({ code: 'MANIFEST_TOO_LARGE' })
    expect(sent).toBeLessThan(20_000_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(60_000_000)
  })

  it('takes a manifest just under the limit, refuses one just over, and the limit can be set', async () => {
    const manifest = manifestOf(pluginEntry('mlflow'))
    const { url } = await serve((_request, response) => response.end(manifest))
    expect((await makeCatalog(url, { maxBytes: manifest.length }).refresh()).outcome).toBe('updated')
    const refused = await makeCatalog(url, { maxBytes: manifest.length - 1 }).refresh()
    expect(refused.error).toMatchObject({ code: 'MANIFEST_TOO_LARGE', details: { limit: manifest.length - 1 } })
  })

  it.each([
    [{}, 10_000],
    [{ maxPlugins: 2 }, 2],
    [{ maxPlugins: 10_002 }, 10_002],
  ])(
    'offers as many plugins as maxPlugins says, and tells that it left out what comes after: %o',
    async (own, most) => {
      const list = Array.from({ length: most }, (_, at) => pluginEntry(`plugin-${at}`))
      const { url } = await serve((_request, response) => response.end(manifestOf(...list)))
      const limits = { maxBytes: 10_000_000, ...own }
      expect(await makeCatalog(url, limits).refresh()).toMatchObject({ entries: most, problems: [] })
      list.push(pluginEntry('one-more'))
      expect(await makeCatalog(url, limits).refresh()).toMatchObject({
        entries: most,
        problems: [
          {
            message: `there are ${(most + 1).toLocaleString('en')} plugins, and what comes after ${most.toLocaleString('en')} is left out`,
          },
        ],
      })
    },
  )

  it('waits timeoutMs for an answer, and not longer', async () => {
    const { url } = await serve((_request, response) => setTimeout(() => response.end(manifestOf()), 200))
    expect((await makeCatalog(url, { timeoutMs: 15_000 }).refresh()).outcome).toBe('updated')
    expect((await makeCatalog(url, { timeoutMs: 50 }).refresh()).error).toMatchObject({
      code: 'MARKETPLACE_UNREACHABLE',
    })
  })

  it('does not hold the event loop with a manifest of 5 MB', async () => {
    const filler = 'x'.repeat(400)
    const entries = Array.from({ length: 5_000 }, (_, i) => pluginEntry(`plugin-${i}`, { longDescription: filler }))
    const manifest = manifestOf(...entries).padEnd(4_990_000)
    const { url } = await serve((_request, response) => response.end(manifest))
    const catalog = makeCatalog(url)
    const { answer, longestMs } = await watchingTurns(() => catalog.refresh())
    expect(answer.entries).toBe(5_000)
    expect(longestMs).toBeLessThan(300)
  })
})

/** The most processor time, in milliseconds, of one turn of the event loop: how busy the machine is does not count. */
async function watchingTurns<Answer>(work: () => Promise<Answer>): Promise<{ answer: Answer; longestMs: number }> {
  let longestMs = 0
  let isOver = false
  let last = process.cpuUsage()
  const turn = () => {
    const { user, system } = process.cpuUsage(last)
    longestMs = Math.max(longestMs, (user + system) / 1_000)
    last = process.cpuUsage()
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const answer = await work()
  isOver = true
  turn()
  return { answer, longestMs }
}

describe('the last good copy', () => {
  it('is offered after a restart while the registry is down, and goes away for nothing', async () => {
    const { url, server } = await serve((_request, response) => {
      response.setHeader('etag', '"v1"').end(manifestOf(pluginEntry('mlflow')))
    })
    ;(await startedCatalog(url)).stop()
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))

    const restarted = await startedCatalog(url)
    expect(restarted.list()).toHaveLength(1)
    expect(await restarted.refresh()).toMatchObject({ outcome: 'failed', error: { code: 'MARKETPLACE_UNREACHABLE' } })
    expect(restarted.list()).toHaveLength(1)
    expect(restarted.status()).toMatchObject({ stale: true, etag: '"v1"' })
  })

  it('is revalidated with its ETag after a restart', async () => {
    const { url, requests } = await serve((request, response) => {
      if (request.headers['if-none-match'] === '"v1"') return response.writeHead(304).end()
      return response.setHeader('etag', '"v1"').end(manifestOf(pluginEntry('mlflow')))
    })
    ;(await startedCatalog(url)).stop()
    const restarted = await startedCatalog(url)
    expect((await restarted.refresh()).outcome).toBe('unchanged')
    expect(requests.length).toBeGreaterThanOrEqual(2)
  })

  it('is missed by name when there is none and the registry is down', async () => {
    const catalog = await startedCatalog('http://127.0.0.1:9/plugins.json')
    const unreachable = expect.objectContaining({ code: 'MARKETPLACE_UNREACHABLE', status: 503 }) as Error
    expect(() => catalog.list()).toThrow(unreachable)
    expect(() => catalog.get('mlflow')).toThrow(unreachable)
    expect(() => catalog.search('x')).toThrow(unreachable)
    expect(() => catalog.categories()).toThrow(unreachable)
    expect(catalog.status()).toMatchObject({ fetchedAt: null, stale: true, entries: 0 })
  })

  it('does not matter to a catalog whose database is away', async () => {
    const { url } = await serve((_request, response) => response.end(manifestOf(pluginEntry('mlflow'))))
    const gone = new pg.Pool({ host: '127.0.0.1', port: 9 })
    cleanups.push(() => gone.end())
    const events: string[] = []
    const catalog = await startedCatalog(url, {
      store: createPostgresCatalogStore(gone),
      log: (event) => events.push(event),
    })
    expect(catalog.list()).toHaveLength(1)
    expect(events).toContain('catalog-copy-not-kept')
  })
})

describe('a local marketplace (S156)', () => {
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'tenon-catalog-'))
    cleanups.push(() => rm(path, { recursive: true }))
    return path
  }

  it('is read from a folder or a file, and again when the file changes', async () => {
    const path = await folder()
    const file = join(path, 'plugins.json')
    await writeFile(file, manifestOf(pluginEntry('mlflow')))
    const catalog = await startedCatalog(path)
    expect((await startedCatalog(file)).list()).toHaveLength(1)
    expect((await catalog.refresh()).outcome).toBe('unchanged')
    await writeFile(file, manifestOf(pluginEntry('mlflow'), pluginEntry('slack')))
    await utimes(file, new Date(), new Date(Date.now() + 5_000))
    expect((await catalog.refresh()).outcome).toBe('updated')
    expect(catalog.list()).toHaveLength(2)
  })

  it('is unreachable when the file is not there, and refused when it is a link out of the folder', async () => {
    const path = await folder()
    expect((await makeCatalog(path).refresh()).error).toMatchObject({ code: 'MARKETPLACE_UNREACHABLE' })
    await symlink('/etc/passwd', join(path, 'plugins.json'))
    expect((await makeCatalog(path).refresh()).error?.message).toContain('leads out of the marketplace')
  })
})

it('says which version of Tenon an entry asks for', () => {
  expect(engineRefusals({ engines: { tenon: '^1.0.0' } }, '1.4.0')).toEqual([])
  expect(engineRefusals({}, '1.4.0')).toEqual([])
  expect(engineRefusals({ engines: { tenon: '>=1' } }, '1.4.0-beta.1')).toEqual([])
  expect(engineRefusals({ engines: { tenon: '^2.0.0' } }, '1.4.0')).toEqual([
    'asks for Tenon ^2.0.0, and this is 1.4.0',
  ])
  expect(engineRefusals({ engines: { tenon: 'new' } }, '1.4.0')).toHaveLength(1)
})
