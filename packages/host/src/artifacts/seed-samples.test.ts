import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import { parseManifest, type CatalogEntry } from '@tenon/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createArtifactsHarness, type ArtifactsHarness } from './testing/artifacts-harness.js'
import { loadBundle } from './testing/marketplace-server.js'

/** The samples and templates of the plugin guide, as they are printed (C17): source-only plugins of a local folder. */
const seed = fileURLToPath(new URL('../../fixtures/seed', import.meta.url))
const provided = { ...builtins(), sequelize: { QueryTypes: { INSERT: 'INSERT' }, Sequelize: class {} } }

let harness: ArtifactsHarness
let entries: CatalogEntry[]

beforeAll(async () => {
  harness = await createArtifactsHarness()
  const manifest = parseManifest(await readFile(`${seed}/plugins.json`, 'utf8'))
  expect(manifest.problems.map(({ severity }) => severity)).toEqual(['warning'])
  entries = manifest.entries
})
afterAll(() => harness.close())

function builtins(): Record<string, unknown> {
  const require = createRequire(import.meta.url)
  const names = [
    'assert',
    'buffer',
    'constants',
    'crypto',
    'events',
    'fs',
    'os',
    'path',
    'stream',
    'string_decoder',
    'timers',
    'util',
    'zlib',
  ]
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, require(name) as unknown],
      [`node:${name}`, require(name) as unknown],
    ]),
  )
}

async function load(key: string): Promise<Record<string, unknown>> {
  const entry = entries.find((candidate) => candidate.key === key)
  if (entry === undefined) throw new Error(`${key} is not in the fixtures`)
  const { artifacts } = await harness.newHost(seed)
  const artifact = await artifacts.resolve(entry)
  return loadBundle(artifact.code, provided)
}

describe('the guide', () => {
  it.each([
    ['minimal', ['install', 'uninstall', 'metadata']],
    ['mlflow-example', ['install', 'uninstall', 'testConnection', 'syncModels']],
    ['template-1', ['install', 'uninstall', 'configure', 'validateConfig', 'testConnection', 'metadata']],
    [
      'template-2',
      ['install', 'uninstall', 'configure', 'validateConfig', 'testConnection', 'syncRecords', 'metadata'],
    ],
  ])('has the sample %s, which builds and loads as printed', async (key, names) => {
    expect(Object.keys(await load(key)).sort()).toEqual(names.sort())
  })

  it('has a sample whose validation works', async () => {
    const { validateConfig } = await load('template-2')
    const validate = validateConfig as (config: unknown) => { valid: boolean; errors: string[] }
    expect(validate({ server_url: 'https://x', auth_method: 'none' })).toEqual({ valid: true, errors: [] })
    expect(validate({ auth_method: 'token' }).errors).toEqual([
      'Server URL is required',
      'API token required for token auth',
    ])
  })

  it('has a template with a package of the public registry, which makes a workbook', { timeout: 120_000 }, async () => {
    const { getExcelTemplate } = await load('template-3')
    const template = getExcelTemplate as (
      id: string,
      context: unknown,
    ) => Promise<{ buffer: Uint8Array; filename: string }>
    const users = [{ id: 7, name: 'A', email: 'a@example.com' }]
    const sequelize = { QueryTypes: { SELECT: 'SELECT' }, query: () => Promise.resolve(users) }
    const { buffer, filename } = await template('1', { sequelize })
    expect(filename).toBe('import_template.xlsx')
    expect(Buffer.from(buffer).subarray(0, 2).toString()).toBe('PK')
  })
})
