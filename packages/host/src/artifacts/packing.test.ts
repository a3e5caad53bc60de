import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseManifest } from '@tenon/contract'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { packMarketplace, packPlugin, type PackProgress } from './packing.js'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { catalogEntry, loadBundle } from './testing/marketplace-server.js'

let harness: ArtifactsHarness
let folder: string
let marketplace: string
let outDir: string

beforeAll(async () => {
  harness = await createArtifactsHarness()
})
afterAll(() => harness.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-packing-'))
  marketplace = join(folder, 'marketplace')
  outDir = join(folder, 'out')
  const { permissions: _, ...entry } = catalogEntry({ iconUrl: 'icon.svg', permissions: {} })
  const plugins = [
    { note: 'kept', ...entry, permissions: { schedule: true } },
    { ...entry, key: 'other', pluginPath: 'plugins/other' },
  ]
  await write('plugins.json', JSON.stringify({ version: '1.0.0', extra: { kept: true }, plugins, categories: [] }))
  await write(
    'plugins/sample/index.ts',
    `import helper from 'helper'\nimport { one } from './one.js'\nexport const got = helper + one`,
  )
  await write('plugins/sample/one.ts', 'export const one: number = 1')
  await write('plugins/sample/README.md', '# Sample')
  await write('plugins/sample/CHANGELOG.md', '## 1.0.0')
  await write('plugins/sample/icon.svg', '<svg/>')
  await write('plugins/other/index.ts', 'export const got = 2')
  await write('plugins/other/index.test.ts', 'not packed')
  await write('node_modules/helper/package.json', '{"name": "helper", "version": "1.0.0"}')
  await write('node_modules/helper/index.js', 'module.exports = 41')
})
afterEach(async () => {
  await rm(folder, { recursive: true })
  await harness.pool.query('DELETE FROM tenon.artifacts')
})

async function write(path: string, text: string): Promise<void> {
  await mkdir(join(marketplace, path, '..'), { recursive: true })
  await writeFile(join(marketplace, path), text)
}

async function pack(only?: string[]) {
  const steps: PackProgress[] = []
  const result = await packMarketplace({
    marketplaceDir: marketplace,
    outDir,
    only,
    onProgress: (step) => steps.push(step),
  })
  return { result, steps: steps.map(({ key, outcome }) => `${key} ${outcome}`) }
}

async function packedEntries() {
  const manifest = parseManifest(await readFile(join(outDir, 'plugins.json'), 'utf8'))
  expect(manifest.problems).toEqual([])
  return manifest.entries
}

describe('a link in the folder of a plugin', () => {
  it.each(['README.md', 'CHANGELOG.md', 'icon.svg'])(
    'that leads out of the marketplace is not packed: %s',
    async (name) => {
      const outside = join(folder, 'of-whoever-packs')
      await writeFile(outside, 'canary of whoever packs')
      await rm(join(marketplace, 'plugins/sample', name))
      await symlink(outside, join(marketplace, 'plugins/sample', name))
      await expect(pack()).rejects.toThrow(`plugins/sample/${name} leads out of the marketplace`)
      await expect(readdir(outDir)).rejects.toThrow('ENOENT')
    },
  )

  it('may lead to another file of it', async () => {
    await rm(join(marketplace, 'plugins/sample/README.md'))
    await symlink('CHANGELOG.md', join(marketplace, 'plugins/sample/README.md'))
    expect((await pack(['sample'])).steps).toContain('sample packed')
  })

  it('is not copied with the sources of what is not packed', async () => {
    await writeFile(join(folder, 'of-whoever-packs'), 'canary of whoever packs')
    await symlink(join(folder, 'of-whoever-packs'), join(marketplace, 'plugins/other/notes.txt'))
    await expect(pack(['sample'])).rejects.toThrow('plugins/other/notes.txt leads out of the marketplace')
  })
})

describe('packing a marketplace', () => {
  it('makes what a host resolves, with everything that belongs to a plugin', async () => {
    await pack()
    const [entry] = await packedEntries()
    const { artifacts } = await harness.newHost(outDir)
    const artifact = await artifacts.resolve(entry ?? catalogEntry())
    expect(loadBundle(artifact.code)).toMatchObject({ got: 42 })
    expect(artifact.files).toEqual({ icon: '<svg/>', readme: '# Sample', changelog: '## 1.0.0' })
    expect(artifact.manifest.permissions?.schedule).toBe(true)
    expect(await artifacts.icon(entry ?? catalogEntry())).toMatchObject({ contentType: 'image/svg+xml' })
  })

  it('keeps the manifest as it was written, but for the artifacts', async () => {
    await pack()
    const written = JSON.parse(await readFile(join(outDir, 'plugins.json'), 'utf8')) as {
      plugins: Record<string, unknown>[]
    }
    expect(written).toMatchObject({ extra: { kept: true }, plugins: [{ note: 'kept' }, {}] })
    expect(Object.keys(written.plugins[0] ?? {})[0]).toBe('note')
    expect(written.plugins[0]?.artifact).toMatchObject({ path: 'artifacts/sample-1.0.0.tgz' })
  })

  it('gives the same bytes again, here and from a copy', async () => {
    await pack()
    const before = await readFile(join(outDir, 'artifacts/sample-1.0.0.tgz'))
    const copy = join(folder, 'elsewhere', 'deeper')
    await cp(marketplace, copy, { recursive: true })
    const { artifact } = await packPlugin({ marketplaceDir: copy, key: 'sample', outDir: join(folder, 'again') })
    expect(await readFile(join(folder, 'again', artifact.path))).toEqual(before)
  })

  it('packs again only what changed: code, a helper, the README, a permission', async () => {
    expect((await pack()).steps).toEqual(['sample packed', 'other packed'])
    expect((await pack()).steps).toEqual(['sample unchanged', 'other unchanged'])
    await write('plugins/sample/one.ts', 'export const one: number = 2')
    expect((await pack()).steps).toEqual(['sample packed', 'other unchanged'])
    await write('node_modules/helper/index.js', 'module.exports = 42')
    expect((await pack()).steps).toEqual(['sample packed', 'other unchanged'])
    await write('plugins/other/README.md', '# New')
    expect((await pack()).steps).toEqual(['sample unchanged', 'other packed'])
    const manifest = await readFile(join(marketplace, 'plugins.json'), 'utf8')
    await write('plugins.json', manifest.replace('"schedule":true', '"schedule":false'))
    expect((await pack()).steps).toEqual(['sample packed', 'other unchanged'])
    const [sample] = await packedEntries()
    expect(sample?.artifact?.sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  it('leaves other plugins source-only, with their sources and without their tests', async () => {
    await pack(['sample'])
    const [sample, other] = await packedEntries()
    expect([sample?.artifact === undefined, other?.artifact === undefined]).toEqual([false, true])
    expect(await readdir(join(outDir, 'plugins/other'))).toEqual(['index.ts'])
    const { artifacts } = await harness.newHost(outDir)
    expect(loadBundle((await artifacts.resolve(other ?? catalogEntry())).code)).toMatchObject({ got: 2 })
  })

  it('replaces the folder only when everything went well', async () => {
    await pack()
    await write('plugins/other/index.ts', `import 'nowhere'`)
    await expect(pack()).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('nowhere') as string,
    })
    expect(await packedEntries()).toHaveLength(2)
    expect((await readdir(folder)).sort()).toEqual(['marketplace', 'out'])
  })
})
