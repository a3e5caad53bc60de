import { createHash } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import { artifactManifestOf, type CatalogEntry } from '@tenon/contract'
import tar from 'tar-stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { packArchive } from './archive.js'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { catalogEntry, startMarketplace, type MarketplaceServer } from './testing/marketplace-server.js'

let harness: ArtifactsHarness
let marketplace: MarketplaceServer

beforeAll(async () => {
  harness = await createArtifactsHarness()
})
afterAll(() => harness.close())
beforeEach(async () => {
  marketplace = await startMarketplace()
})
afterEach(async () => {
  await marketplace.close()
  await harness.pool.query('DELETE FROM tenon.artifacts')
})

const path = 'artifacts/sample-1.0.0.tgz'
let codes = 0

function referenceTo(packed: Buffer): { path: string; sha256: string; size: number } {
  const sha256 = createHash('sha256').update(gunzipSync(packed)).digest('hex')
  return { path, sha256, size: packed.length }
}

/** A good package of an entry; each has code of its own. */
async function pack(changes: Record<string, unknown> = {}): Promise<{ packed: Buffer; entry: CatalogEntry }> {
  codes += 1
  const plain = catalogEntry(changes)
  const code = `exports.run = ${codes}`
  const packed = gzipSync(await packArchive({ code, manifest: artifactManifestOf(plain), readme: '# Sample' }))
  marketplace.files.set(path, packed)
  return { packed, entry: catalogEntry({ ...changes, artifact: referenceTo(packed) }) }
}

interface TarEntry {
  name: string
  type?: 'file' | 'symlink' | 'link' | 'directory' | 'character-device'
  linkname?: string
  text?: string
}

/** A package of exactly these entries, right or wrong. */
async function packEntries(...entries: TarEntry[]): Promise<{ packed: Buffer; entry: CatalogEntry }> {
  const archive = tar.pack()
  for (const { text, ...header } of entries) archive.entry(header, text ?? '')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive.pipe(new PassThrough())) chunks.push(chunk as Buffer)
  const packed = gzipSync(Buffer.concat(chunks))
  marketplace.files.set(path, packed)
  return { packed, entry: catalogEntry({ artifact: referenceTo(packed) }) }
}

const manifestEntry = { name: 'manifest.json', text: JSON.stringify(artifactManifestOf(catalogEntry())) }
const codeEntry = { name: 'plugin.cjs', text: 'exports.run = 1' }

async function failure(entry: CatalogEntry, options = {}): Promise<{ code: string; message: string }> {
  const { artifacts, cacheDir } = await harness.newHost(marketplace.location, options)
  const error: unknown = await artifacts.resolve(entry).then(
    () => new Error('it was resolved'),
    (thrown: unknown) => thrown,
  )
  expect((await readdir(cacheDir).catch(() => [])).filter((name) => name.endsWith('.part'))).toEqual([])
  const { rows } = await harness.pool.query('SELECT 1 FROM tenon.artifacts')
  expect(rows).toEqual([])
  return error as { code: string; message: string }
}

describe('a packed plugin', () => {
  it('becomes the exact code that was packed', async () => {
    const { entry, packed } = await pack({ permissions: { schedule: true } })
    const { artifacts } = await harness.newHost(marketplace.location)
    const artifact = await artifacts.resolve(entry)
    expect(artifact).toMatchObject({
      digest: entry.artifact?.sha256,
      pluginKey: 'sample',
      version: '1.0.0',
      code: `exports.run = ${codes}`,
      files: { readme: '# Sample' },
      manifest: { permissions: { schedule: true } },
      size: gunzipSync(packed).length,
    })
    expect(Object.isFrozen(artifact)).toBe(true)
  })

  it('is downloaded once, however many ask', async () => {
    const { entry } = await pack()
    const { artifacts } = await harness.newHost(marketplace.location)
    const [first, ...others] = await Promise.all(Array.from({ length: 20 }, () => artifacts.resolve(entry)))
    expect(others.every((artifact) => artifact === first)).toBe(true)
    expect(marketplace.requests).toEqual([path])
  })

  it('is there for another replica, and after a restart, without the marketplace', async () => {
    const { entry } = await pack()
    const first = await harness.newHost(marketplace.location)
    const { digest, code } = await first.artifacts.resolve(entry)
    marketplace.files.clear()
    const second = await harness.newHost(marketplace.location)
    expect((await second.artifacts.load(digest)).code).toBe(code)
    expect((await second.artifacts.resolve(entry)).code).toBe(code)
    expect(marketplace.requests).toEqual([path])
  })

  it('is read from the database again when the copy on disk was changed', async () => {
    const { entry } = await pack()
    const first = await harness.newHost(marketplace.location)
    const { digest, code } = await first.artifacts.resolve(entry)
    const second = await harness.newHost(marketplace.location)
    await second.artifacts.load(digest)
    await writeFile(join(second.cacheDir, `${digest}.tar`), 'not what it was')
    const third = await harness.newHost(marketplace.location)
    expect((await third.artifacts.load(digest)).code).toBe(code)
  })

  it('is not there when its bytes in the database were changed', async () => {
    const { entry } = await pack()
    const { artifacts } = await harness.newHost(marketplace.location)
    const { digest } = await artifacts.resolve(entry)
    await harness.pool.query('UPDATE tenon.artifacts SET bytes = $1', [gzipSync('something else')])
    const other = await harness.newHost(marketplace.location)
    await expect(other.artifacts.load(digest)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_STORED' })
  })

  it('can be loaded in an older version that the manifest lists', async () => {
    const { packed } = await pack({ version: '0.9.0', permissions: { schedule: true } })
    const entry = catalogEntry({ versions: [{ version: '0.9.0', artifact: referenceTo(packed) }] })
    const { artifacts } = await harness.newHost(marketplace.location)
    expect((await artifacts.resolve(entry, { version: '0.9.0' })).version).toBe('0.9.0')
    await expect(artifacts.resolve(entry, { version: '0.8.0' })).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
  })

  it('says by name that a digest is not stored', async () => {
    const { artifacts } = await harness.newHost(marketplace.location)
    await expect(artifacts.load('0'.repeat(64))).rejects.toMatchObject({ code: 'ARTIFACT_NOT_STORED' })
  })
})

describe('a package that does not arrive as promised', () => {
  it('is missing: ARTIFACT_UNREACHABLE', async () => {
    const { entry } = await pack()
    marketplace.files.clear()
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
  })

  it('ends early: ARTIFACT_TRUNCATED, whether or not the server said how long it is', async () => {
    const { entry, packed } = await pack()
    marketplace.files.set(path, packed.subarray(0, 100))
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_TRUNCATED' })
    marketplace.files.set(path, (_request, response) => {
      response.writeHead(200, { 'content-length': packed.length }).write(packed.subarray(0, 100))
      setTimeout(() => response.destroy(), 20)
    })
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_TRUNCATED' })
  })

  it('is longer than it should be: ARTIFACT_SIZE_MISMATCH, and no more is read', async () => {
    const { entry } = await pack()
    let sent = 0
    marketplace.files.set(path, (_request, response) => {
      const more = (): void => {
        while (sent < 100_000_000 && !response.destroyed) {
          sent += 1_000_000
          if (!response.write(Buffer.alloc(1_000_000))) return void response.once('drain', more)
        }
      }
      more()
    })
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_SIZE_MISMATCH' })
    expect(sent).toBeLessThan(20_000_000)
  })

  it('is another one of the same size: ARTIFACT_DIGEST_MISMATCH', async () => {
    const { entry, packed } = await pack()
    const other = await pack()
    expect(other.packed).toHaveLength(packed.length)
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_DIGEST_MISMATCH' })
  })

  it('is too slow: no connection is kept for it', async () => {
    const { entry } = await pack()
    marketplace.files.set(path, (_request, response) => void response.write('x'))
    const limits = { downloadTimeoutMs: 200 }
    expect(await failure(entry, { limits })).toMatchObject({ code: 'ARTIFACT_TRUNCATED' })
  })

  it('is announced as larger than the limit: ARTIFACT_TOO_LARGE, one byte under it is taken', async () => {
    const { entry, packed } = await pack()
    const refused = await failure(entry, { limits: { maxPackedBytes: packed.length - 1 } })
    expect(refused).toMatchObject({ code: 'ARTIFACT_TOO_LARGE' })
    expect(marketplace.requests).toEqual([])
    const { artifacts } = await harness.newHost(marketplace.location, { limits: { maxPackedBytes: packed.length } })
    await artifacts.resolve(entry)
  })

  it('redirects to a file: ARTIFACT_UNREACHABLE', async () => {
    const { entry } = await pack()
    marketplace.files.set(path, (_request, response) =>
      response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    )
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
  })
})

describe('a package that is made to do harm', () => {
  it('asks for more than the marketplace shows: ARTIFACT_MANIFEST_MISMATCH', async () => {
    const { packed } = await pack({ permissions: { network: { hosts: ['evil.example.com'] } } })
    const entry = catalogEntry({ permissions: {}, artifact: referenceTo(packed) })
    expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_MANIFEST_MISMATCH' })
  })

  it.each([{ key: 'other' }, { version: '1.0.1' }, { engines: { tenon: '*' } }, { contributes: {} }])(
    'is of something else (%j): ARTIFACT_MANIFEST_MISMATCH',
    async (difference) => {
      const { packed } = await pack(difference)
      expect(await failure(catalogEntry({ artifact: referenceTo(packed) }))).toMatchObject({
        code: 'ARTIFACT_MANIFEST_MISMATCH',
      })
    },
  )

  const harmful: [what: string, entries: TarEntry[], reason: RegExp][] = [
    ['a path out of the folder', [{ name: '../../evil.cjs', text: 'x' }], /no place in it/],
    ['an absolute path', [{ name: '/etc/cron.d/evil', text: 'x' }], /no place in it/],
    ['a folder', [{ name: 'lib', type: 'directory' }], /no place in it/],
    ['a symbolic link', [{ name: 'plugin.cjs', type: 'symlink', linkname: '/etc/passwd' }], /is a symlink/],
    ['a hard link', [{ name: 'plugin.cjs', type: 'link', linkname: 'manifest.json' }], /is a link/],
    ['a device', [{ name: 'plugin.cjs', type: 'character-device' }], /is a character-device/],
    ['one name twice', [codeEntry, codeEntry], /twice/],
    ['no code', [manifestEntry], /plugin.cjs is missing/],
    ['no manifest', [codeEntry], /manifest.json is missing/],
    ['a manifest that is not JSON', [{ name: 'manifest.json', text: '{' }, codeEntry], /not JSON/],
    ['a manifest of nothing', [{ name: 'manifest.json', text: '{}' }, codeEntry], /manifest.json is not valid/],
    ['a huge icon', [{ name: 'icon.svg', text: 'x'.repeat(300_000) }], /larger than 256000 bytes/],
  ]

  it.each(harmful)('contains %s: ARTIFACT_UNSAFE', async (_what, entries, reason) => {
    const { entry } = await packEntries(...entries)
    const error = await failure(entry)
    expect(error.code).toBe('ARTIFACT_UNSAFE')
    expect(error.message).toMatch(reason)
  })

  it('is no archive at all: ARTIFACT_UNSAFE', async () => {
    for (const packed of [Buffer.from('<html>'), gzipSync('no tar'), gzipSync(Buffer.alloc(2000, 7))]) {
      marketplace.files.set(path, packed)
      const sha256 = packed[0] === 0x1f ? createHash('sha256').update(gunzipSync(packed)).digest('hex') : '0'.repeat(64)
      const entry = catalogEntry({ artifact: { path, sha256, size: packed.length } })
      expect(await failure(entry)).toMatchObject({ code: 'ARTIFACT_UNSAFE' })
    }
  })

  it('is a decompression bomb: ARTIFACT_UNSAFE at the limit, with little memory', async () => {
    const packed = gzipSync(Buffer.alloc(500_000_000))
    expect(packed.length).toBeLessThan(1_000_000)
    marketplace.files.set(path, packed)
    const before = process.memoryUsage().rss
    const entry = catalogEntry({ artifact: { path, sha256: '0'.repeat(64), size: packed.length } })
    const error = await failure(entry)
    expect(error).toMatchObject({ code: 'ARTIFACT_UNSAFE' })
    expect(error.message).toContain('larger than 60000000 bytes when unpacked')
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
  })
})

it('takes a package with 5 MB of code, and finds it again on another server', async () => {
  const code = `exports.text = ${JSON.stringify('x'.repeat(5_000_000))}`
  const packed = gzipSync(await packArchive({ code, manifest: artifactManifestOf(catalogEntry()) }))
  marketplace.files.set(path, packed)
  const entry = catalogEntry({ artifact: referenceTo(packed) })
  const host = await harness.newHost(marketplace.location)
  expect((await host.artifacts.resolve(entry)).code).toBe(code)
  const another = await harness.newHost(marketplace.location)
  expect((await another.artifacts.load(entry.artifact?.sha256 ?? '')).code).toBe(code)
})

describe('an icon', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0])

  async function iconOf(changes: Record<string, unknown>, options = {}) {
    const { artifacts } = await harness.newHost(marketplace.location, options)
    return artifacts.icon(catalogEntry(changes))
  }

  it('comes from the plugin, from the assets, or from an address', async () => {
    marketplace.files.set('plugins/sample/icon.svg', svg).set('assets/logo.png', png).set('elsewhere', svg)
    expect(await iconOf({})).toMatchObject({ contentType: 'image/svg+xml' })
    expect(await iconOf({ iconUrl: '/assets/logo.png' })).toMatchObject({ contentType: 'image/png', bytes: png })
    const iconUrl = marketplace.location.replace('plugins.json', 'elsewhere')
    expect(await iconOf({ iconUrl })).toMatchObject({ contentType: 'image/svg+xml' })
  })

  it('is kept: many ask, one request is made, also when there is none', async () => {
    const { artifacts } = await harness.newHost(marketplace.location)
    for (let i = 0; i < 10; i += 1) expect(await artifacts.icon(catalogEntry())).toBeUndefined()
    expect(marketplace.requests).toEqual(['plugins/sample/icon.svg'])
  })

  it('is none when it is made to be slow to recognise', async () => {
    marketplace.files.set('plugins/sample/icon.svg', '<!---->'.repeat(30_000))
    expect(await iconOf({})).toBeUndefined()
  })

  it('is none when it is not an image, or larger than the limit', async () => {
    marketplace.files.set('plugins/sample/icon.svg', '<html><svg></svg></html>')
    expect(await iconOf({})).toBeUndefined()
    marketplace.files.set('plugins/sample/icon.svg', svg)
    expect(await iconOf({}, { limits: { maxIconBytes: svg.length } })).toBeDefined()
    expect(await iconOf({}, { limits: { maxIconBytes: svg.length - 1 } })).toBeUndefined()
  })
})
