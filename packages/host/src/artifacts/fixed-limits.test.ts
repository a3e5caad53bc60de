import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import tar from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openMarketplaceFiles } from '../marketplace-files.js'
import { readArchive } from './archive.js'
import { resolveArtifactLimits } from './artifact-limits.js'
import { checkedRange, declaredDependencies } from './dependency-specs.js'
import { createSourceStage } from './source-stage.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-fixed-limits-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a package', () => {
  const manifestOf = (characters: number) => JSON.stringify('x'.repeat(characters - 2))

  async function read(name: string, characters: number) {
    const archive = tar.pack()
    const parts = { 'manifest.json': '{}', 'plugin.cjs': 'exports.run = 1' }
    const text = name === 'manifest.json' ? manifestOf(characters) : 'x'.repeat(characters)
    for (const [part, content] of Object.entries({ ...parts, [name]: text })) archive.entry({ name: part }, content)
    archive.finalize()
    const bytes = await buffer(archive.pipe(new PassThrough()))
    return readArchive(Readable.from([bytes]), 10_000_000)
  }

  it.each([
    ['manifest.json', 1_000_000],
    ['README.md', 1_000_000],
    ['CHANGELOG.md', 1_000_000],
    ['ui.js', 2_000_000],
    ['ui.css', 500_000],
    ['icon.svg', 256_000],
  ])('has a %s of %i bytes at most', async (name, most) => {
    expect((await read(name, most)).size).toBeGreaterThan(most)
    await expect(read(name, most + 1)).rejects.toThrow(`${name} in it is larger than ${most} bytes`)
  })
})

describe('a source-only plugin', () => {
  it('has a package.json of 500,000 characters at most', () => {
    const text = (characters: number) => JSON.stringify({ dependencies: { a: '1.0.0' } }).padEnd(characters)
    expect(declaredDependencies(text(500_000), 'Sample').get('a')).toBe('1.0.0')
    expect(() => declaredDependencies(text(500_001), 'Sample')).toThrow(
      'its package.json has more than 500000 characters',
    )
  })

  it('asks for versions of a package with 200 characters at most', () => {
    const range = (characters: number) => `1.0.0 ||${' '.repeat(characters - 13)}2.0.0`
    expect(checkedRange('a', range(200), 'Sample')).toBe(range(200))
    expect(() => checkedRange('a', range(201), 'Sample')).toThrow(
      'the version of its dependency a has more than 200 characters',
    )
  })

  it('is looked for in 300 requests at most', async () => {
    const marketplace = join(folder, 'marketplace')
    await mkdir(marketplace)
    await writeFile(join(marketplace, 'plugins.json'), '{"plugins":[]}')
    const stage = await createSourceStage({
      tempDir: join(folder, 'builds'),
      files: openMarketplaceFiles(join(marketplace, 'plugins.json'), fetch),
      plugin: 'Sample',
      limits: resolveArtifactLimits(),
      signal: new AbortController().signal,
    })
    for (let request = 1; request <= 300; request++) expect(await stage.readText(`no-${request}.ts`)).toBeUndefined()
    await expect(stage.readText('one-more.ts')).rejects.toThrow('its imports need more than 300 requests')
    await stage.remove()
  })
})
