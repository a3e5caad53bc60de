import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { artifactManifestOf, type CatalogEntry } from '@tenon/contract'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startHostInTest } from '../testing/host-in-test.js'
import { packArchive } from './archive.js'
import type { ArtifactLimits } from './artifact-limits.js'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { catalogEntry, startMarketplace, type MarketplaceServer } from './testing/marketplace-server.js'
import { startNpmRegistry, type NpmRegistry } from '@tenon/standins'

let harness: ArtifactsHarness
let registry: NpmRegistry
let marketplace: MarketplaceServer
beforeAll(async () => {
  harness = await createArtifactsHarness()
  registry = await startNpmRegistry({ large: { files: { 'index.js': `module.exports = '${'x'.repeat(100_000)}'` } } })
})
afterAll(async () => {
  await registry.close()
  await harness.close()
})
beforeEach(async () => {
  marketplace = await startMarketplace({ [entryFile]: 'export const answer = 1' })
})
afterEach(async () => {
  await marketplace.close()
  await harness.pool.query('DELETE FROM tenon.artifacts')
})

const entryFile = 'plugins/sample/index.ts'
const hostWith = (limits: Partial<ArtifactLimits>) =>
  harness.newHost(marketplace.location, { npm: { registry: registry.url }, limits })
const resolveWith = async (limits: Partial<ArtifactLimits>, entry = catalogEntry()) =>
  (await hostWith(limits)).artifacts.resolve(entry)

/** A package of `sample`, which the marketplace has as well. */
async function pack(): Promise<{ packed: Buffer; unpackedBytes: number; entry: CatalogEntry }> {
  const path = 'artifacts/sample-1.0.0.tgz'
  const archive = await packArchive({ code: 'exports.answer = 1', manifest: artifactManifestOf(catalogEntry()) })
  const packed = gzipSync(archive)
  marketplace.files.set(path, packed)
  const sha256 = createHash('sha256').update(archive).digest('hex')
  return {
    packed,
    unpackedBytes: gunzipSync(packed).length,
    entry: catalogEntry({ artifact: { path, sha256, size: packed.length } }),
  }
}

describe('time', () => {
  /** The marketplace needs so many milliseconds for each file. */
  function answerLate(ms: number): void {
    for (const [path, answer] of marketplace.files)
      marketplace.files.set(path, (_request, response) => void setTimeout(() => response.end(answer), ms))
  }

  it('is enough for what is faster than fileTimeoutMs, bundleTimeoutMs and buildTimeoutMs, and over for what is slower', async () => {
    answerLate(300)
    await expect(resolveWith({ fileTimeoutMs: 100 })).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
    await expect(resolveWith({ bundleTimeoutMs: 5 })).rejects.toMatchObject({ code: 'BUILD_FAILED' })
    await expect(resolveWith({ buildTimeoutMs: 100 })).rejects.toMatchObject({ code: 'BUILD_FAILED' })
    await resolveWith({ fileTimeoutMs: 60_000, bundleTimeoutMs: 60_000, buildTimeoutMs: 60_000 })
  })

  it('is enough for a download that is faster than downloadTimeoutMs, and over for a slower one', async () => {
    const { entry } = await pack()
    answerLate(300)
    await expect(resolveWith({ downloadTimeoutMs: 100 }, entry)).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
    await resolveWith({ downloadTimeoutMs: 60_000 }, entry)
  })
})

describe('size', () => {
  it('of a package as it is downloaded is at most maxPackedBytes', async () => {
    const { packed, entry } = await pack()
    await expect(resolveWith({ maxPackedBytes: packed.length - 1 }, entry)).rejects.toMatchObject({
      code: 'ARTIFACT_TOO_LARGE',
    })
    await resolveWith({ maxPackedBytes: packed.length }, entry)
  })

  it('of a package when it is unpacked is at most maxUnpackedBytes', async () => {
    const { unpackedBytes, entry } = await pack()
    await expect(resolveWith({ maxUnpackedBytes: unpackedBytes - 1 }, entry)).rejects.toMatchObject({
      code: 'ARTIFACT_UNSAFE',
      message: expect.stringContaining(`larger than ${unpackedBytes - 1} bytes when unpacked`) as string,
    })
    await resolveWith({ maxUnpackedBytes: unpackedBytes }, entry)
  })

  it('of built code is at most maxUnpackedBytes', async () => {
    marketplace.files.set(entryFile, `export const answer = '${'x'.repeat(10_000)}'`)
    await expect(resolveWith({ maxUnpackedBytes: 10_000 })).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('its code is larger than 10000 bytes') as string,
    })
  })

  it('of one source file is at most maxSourceFileBytes', async () => {
    const text = `export const answer = '${'x'.repeat(1_000)}'`
    marketplace.files.set(entryFile, text)
    await expect(resolveWith({ maxSourceFileBytes: text.length - 1 })).rejects.toMatchObject({ code: 'SOURCE_REFUSED' })
    await resolveWith({ maxSourceFileBytes: text.length })
  })

  it('of everything that npm installed is at most maxInstalledBytes, and npm ends in npmTimeoutMs', async () => {
    marketplace.files.set(entryFile, `export { default } from 'large'`)
    const entry = catalogEntry({ dependencies: { large: '1.0.0' } })
    const failed = { code: 'DEPENDENCIES_FAILED' }
    await expect(resolveWith({ npmTimeoutMs: 20 }, entry)).rejects.toMatchObject(failed)
    await expect(resolveWith({ maxInstalledBytes: 100_000 }, entry)).rejects.toMatchObject({
      ...failed,
      message: expect.stringContaining('they take more than 100000 bytes') as string,
    })
    await resolveWith({ maxInstalledBytes: 102_000, npmTimeoutMs: 60_000 }, entry)
  })
})

describe('number', () => {
  it('of files of a source-only plugin is at most maxSourceFiles', async () => {
    marketplace.files.set(entryFile, `import './one'\nimport './two'`)
    marketplace.files.set('plugins/sample/one.ts', '').set('plugins/sample/two.ts', '')
    await expect(resolveWith({ maxSourceFiles: 2 })).rejects.toMatchObject({
      code: 'SOURCE_REFUSED',
      message: expect.stringContaining('it has more than 2 files') as string,
    })
    await resolveWith({ maxSourceFiles: 3 })
  })

  it('of builds at the same time is at most concurrentBuilds', async () => {
    const plugins = ['one', 'two', 'three', 'four'].map((key) =>
      catalogEntry({ key, name: key, pluginPath: `plugins/${key}` }),
    )
    let building = 0
    let most = 0
    for (const { pluginPath } of plugins)
      marketplace.files.set(`${pluginPath}/index.ts`, (_request, response) => {
        most = Math.max(most, (building += 1))
        setTimeout(() => {
          building -= 1
          response.writeHead(404).end()
        }, 100)
      })
    for (const concurrentBuilds of [1, 3]) {
      most = 0
      const { artifacts } = await hostWith({ concurrentBuilds })
      await Promise.allSettled(plugins.map((entry) => artifacts.resolve(entry)))
      expect(most).toBe(concurrentBuilds)
    }
  })

  it('of characters that are kept ready in memory is at most memoryCacheSize', async () => {
    const { entry } = await pack()
    const { code, digest } = await resolveWith({}, entry)
    const loadsWithoutStore = async (memoryCacheSize: number) => {
      const { artifacts, cacheDir } = await hostWith({ memoryCacheSize })
      await artifacts.resolve(entry)
      await rm(cacheDir, { recursive: true })
      await harness.pool.query('DELETE FROM tenon.artifacts')
      return artifacts.load(digest).then(
        () => true,
        () => false,
      )
    }
    expect(await loadsWithoutStore(code.length)).toBe(true)
    expect(await loadsWithoutStore(code.length - 1)).toBe(false)
  })
})

it('is limited by what the operator says to the host, packages included', async () => {
  const { packed, unpackedBytes, entry } = await pack()
  const host = await startHostInTest({ limits: { artifacts: { maxUnpackedBytes: unpackedBytes - 1 } } })
  await host.publish({ key: entry.key, entry: { ...entry }, files: {} })
  await writeFile(join(host.registry.directory, 'sample.tgz'), packed)
  await host.publish({
    key: entry.key,
    entry: { ...entry, artifact: { ...entry.artifact, path: 'sample.tgz' } },
    files: {},
  })
  expect(await host.api('POST', '/install', { pluginKey: entry.key })).toMatchObject({
    body: { code: 'ARTIFACT_UNSAFE' },
  })
  await host.close()
})
