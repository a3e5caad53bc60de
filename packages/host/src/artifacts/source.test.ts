import { readdir } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { catalogEntry, loadBundle, startMarketplace, type MarketplaceServer } from './testing/marketplace-server.js'
import { startNpmRegistry, type NpmRegistry } from '@tenon/standins'

let harness: ArtifactsHarness
let marketplace: MarketplaceServer
let registry: NpmRegistry

beforeAll(async () => {
  harness = await createArtifactsHarness()
  registry = await startNpmRegistry({
    greeting: {
      files: { 'index.js': `module.exports = (name) => 'Hello, ' + require('punctuation')(name)` },
      manifest: { dependencies: { punctuation: '^1.0.0' } },
    },
    punctuation: { files: { 'index.js': `module.exports = (text) => text + '!'` } },
    unused: { files: { 'index.js': '' } },
  })
})
afterAll(async () => {
  await registry.close()
  await harness.close()
})
beforeEach(async () => {
  marketplace = await startMarketplace()
})
afterEach(async () => {
  await marketplace.close()
  await harness.pool.query('DELETE FROM tenon.artifacts')
})

function addFiles(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) marketplace.files.set(path, text)
}

async function newHost(limits = {}) {
  return harness.newHost(marketplace.location, { npm: { registry: registry.url }, limits })
}

async function built(changes: Record<string, unknown> = {}) {
  const { artifacts } = await newHost()
  return loadBundle((await artifacts.resolve(catalogEntry(changes))).code, {
    sequelize: { QueryTypes: { SELECT: 'SELECT' } },
  })
}

describe('a source-only plugin', () => {
  it('is transpiled to one CommonJS file, without a package.json and without a type check (C17)', async () => {
    addFiles({ 'plugins/sample/index.ts': `const unused: Missing = 1 as never\nexport const answer: string = 42` })
    expect(await built()).toMatchObject({ answer: 42 })
  })

  it('keeps sequelize as what the runner provides', async () => {
    addFiles({
      'plugins/sample/index.ts': `import { QueryTypes, Sequelize } from 'sequelize'
        export const type = (database: Sequelize) => QueryTypes.SELECT`,
    })
    expect(((await built()).type as () => string)()).toBe('SELECT')
  })

  it.each([
    ['lib/index.js', 'module.exports = { answer: 1 }'],
    ['index.cjs', 'exports.answer = 1'],
    ['index.mjs', 'export const answer = 1'],
    ['src/index.tsx', 'export const answer = 1 as number'],
  ])('may start with %s', async (entryPoint, text) => {
    addFiles({ [`plugins/sample/${entryPoint}`]: text })
    expect(await built({ entryPoint })).toMatchObject({ answer: 1 })
  })

  it('may consist of several files, also beside its folder, and of JSON', async () => {
    addFiles({
      'plugins/sample/index.ts': `import { one } from './lib'\nimport two from './two.js'\nimport data from '../../shared/data.json'
        export const answer = [one, two, data.three]`,
      'plugins/sample/lib/index.ts': `import './cycle'\nexport const one = 1`,
      'plugins/sample/lib/cycle.ts': `import './index'`,
      'plugins/sample/two.ts': 'export default 2',
      'shared/data.json': '{"three": 3}',
    })
    expect(await built()).toMatchObject({ answer: [1, 2, 3] })
  })

  it('gets the packages that it imports, and what they need, and no others', async () => {
    addFiles({
      'plugins/sample/index.ts': `import greet from 'greeting'\nimport type { X } from 'types-only'\nexport const answer = greet('you')`,
      'plugins/sample/package.json': `{ "dependencies": { "greeting": "^1.0.0", "unused": "1", "types-only": "1" } }`,
    })
    expect(await built()).toMatchObject({ answer: 'Hello, you!' })
    expect(registry.requests.filter((path) => /unused|types-only/.test(path))).toEqual([])
  })

  it('may name its packages in the manifest when it has no package.json', async () => {
    addFiles({
      'plugins/sample/index.ts': `import punctuation from 'punctuation'\nexport const answer = punctuation('x')`,
    })
    expect(await built({ dependencies: { punctuation: '1.x' } })).toMatchObject({ answer: 'x!' })
  })

  it('may have a package.json with comments, as the guide prints it', async () => {
    addFiles({
      'plugins/sample/index.ts': `import punctuation from 'punctuation'\nexport const answer = punctuation('//')`,
      'plugins/sample/package.json': `{ // "x"\n "homepage": "https://x", "dependencies": { "punctuation": "1.x", // last\n } }`,
    })
    expect(await built()).toMatchObject({ answer: '//!' })
  })

  it('gives the same bytes on every host', async () => {
    addFiles({ 'plugins/sample/index.ts': `import './other'\nexport const answer = 1`, 'plugins/sample/other.ts': '' })
    const { digest } = await (await newHost()).artifacts.resolve(catalogEntry())
    await harness.pool.query('DELETE FROM tenon.artifacts')
    expect((await (await newHost()).artifacts.resolve(catalogEntry())).digest).toBe(digest)
  })

  it('has a digest that covers its permissions', async () => {
    addFiles({ 'plugins/sample/index.ts': 'export const answer = 1' })
    const { artifacts } = await newHost()
    const plain = await artifacts.resolve(catalogEntry({ permissions: {} }))
    const asking = await artifacts.resolve(catalogEntry({ permissions: { schedule: true } }))
    expect(asking.digest).not.toBe(plain.digest)
    expect(asking.manifest.permissions?.schedule).toBe(true)
  })
})

describe('a resolution', () => {
  beforeEach(() => addFiles({ 'plugins/sample/index.ts': 'export const answer = 1' }))

  it('is made once for many at the same time', async () => {
    const { artifacts } = await newHost()
    const all = await Promise.all(Array.from({ length: 10 }, () => artifacts.resolve(catalogEntry())))
    expect(new Set(all).size).toBe(1)
    expect(marketplace.requests).toEqual(['plugins/sample/index.ts'])
  })

  it('counts for five days on every replica, then the source is asked again (C12)', async () => {
    const { digest } = await (await newHost()).artifacts.resolve(catalogEntry())
    addFiles({ 'plugins/sample/index.ts': 'export const answer = 2' })
    expect((await (await newHost()).artifacts.resolve(catalogEntry())).digest).toBe(digest)

    await harness.pool.query(`UPDATE tenon.artifact_resolutions SET resolved_at = now() - interval '119 hours'`)
    expect((await (await newHost()).artifacts.resolve(catalogEntry())).digest).toBe(digest)
    await harness.pool.query(`UPDATE tenon.artifact_resolutions SET resolved_at = now() - interval '121 hours'`)
    const { artifacts } = await newHost()
    const later = await artifacts.resolve(catalogEntry())
    expect(loadBundle(later.code)).toMatchObject({ answer: 2 })
    expect(loadBundle((await artifacts.load(digest)).code)).toMatchObject({ answer: 1 })
  })

  it('can count for as long as the operator says', async () => {
    const { artifacts } = await newHost({ sourceFreshMs: 0 })
    await artifacts.resolve(catalogEntry())
    addFiles({ 'plugins/sample/index.ts': 'export const answer = 2' })
    expect(loadBundle((await artifacts.resolve(catalogEntry())).code)).toMatchObject({ answer: 2 })
  })

  it('goes on counting while the source cannot be had', async () => {
    const { artifacts } = await newHost({ sourceFreshMs: 0 })
    const { digest } = await artifacts.resolve(catalogEntry())
    marketplace.files.clear()
    expect((await artifacts.resolve(catalogEntry())).digest).toBe(digest)
  })

  it('is another one for another version (D-8)', async () => {
    const { artifacts } = await newHost()
    await artifacts.resolve(catalogEntry())
    addFiles({ 'plugins/sample/index.ts': 'export const answer = 2' })
    const next = await artifacts.resolve(catalogEntry({ version: '2.0.0' }))
    expect(loadBundle(next.code)).toMatchObject({ answer: 2 })
  })
})

describe('a build that fails', () => {
  async function failure(changes = {}, limits = {}) {
    const host = await newHost(limits)
    const error: unknown = await host.artifacts.resolve(catalogEntry(changes)).catch((thrown: unknown) => thrown)
    expect(await host.leftovers()).toEqual([])
    expect(await readdir(host.cacheDir).catch(() => [])).toEqual([])
    return error
  }

  it('leaves nothing, and the next attempt starts clean (D-7)', async () => {
    addFiles({
      'plugins/sample/index.ts': `import punctuation from 'punctuation'\nexport const answer = punctuation('again')`,
      'plugins/sample/package.json': '{ "dependencies": { "punctuation": "^1.0.0" } }',
    })
    const otherRegistry = await startNpmRegistry({
      punctuation: { files: { 'index.js': 'module.exports = (x) => x' } },
    })
    otherRegistry.available = false
    const host = await harness.newHost(marketplace.location, {
      npm: { registry: otherRegistry.url },
    })
    await expect(host.artifacts.resolve(catalogEntry())).rejects.toMatchObject({ code: 'DEPENDENCIES_FAILED' })
    expect(await host.leftovers()).toEqual([])
    otherRegistry.available = true
    expect(loadBundle((await host.artifacts.resolve(catalogEntry())).code)).toMatchObject({ answer: 'again' })
    await otherRegistry.close()
  })

  it('says where the code does not parse', async () => {
    addFiles({ 'plugins/sample/index.ts': '\nexport const = 1' })
    expect(await failure()).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('source/plugins/sample/index.ts:2: ') as string,
    })
  })

  it('says which file is missing', async () => {
    expect(await failure()).toMatchObject({
      code: 'SOURCE_REFUSED',
      message: expect.stringContaining('plugins/sample/index.ts') as string,
    })
    addFiles({ 'plugins/sample/index.ts': `import './helper'` })
    expect(await failure()).toMatchObject({ message: expect.stringContaining('plugins/sample/helper') as string })
  })

  it('says which package is not declared, or not in the registry', async () => {
    addFiles({ 'plugins/sample/index.ts': `import 'left-out'` })
    expect(await failure()).toMatchObject({
      code: 'SOURCE_REFUSED',
      message: expect.stringContaining('left-out') as string,
    })
    expect(await failure({ dependencies: { 'left-out': '1' } })).toMatchObject({
      code: 'DEPENDENCIES_FAILED',
      message: expect.stringContaining('left-out') as string,
    })
  })
})
