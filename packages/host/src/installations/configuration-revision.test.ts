import { afterAll, describe, expect, test, vi } from 'vitest'
import { type Configuration, createConfigurationVault } from '../secrets/configuration-vault.js'
import { createSchemaThreads } from '../secrets/schema-threads.js'
import { createSealer } from '../secrets/sealer.js'
import { configurationRevisionOf } from './configuration-revision.js'

const schemas = createSchemaThreads()
afterAll(schemas.close)
const vault = createConfigurationVault({ sealer: createSealer(['old']), schemas })
const rotated = createConfigurationVault({ sealer: createSealer(['new', 'old']), schemas })
const revisionOf = (configuration: Configuration | null) => configurationRevisionOf({ configuration })

const plugin = { tenantId: 'a4ayc80OGd', pluginKey: 'mlflow' }
const schema = { properties: { url: {}, token: { writeOnly: true } } }
const first = { url: 'https://ml.example', token: 'a secret' }

describe.each([
  ['with a schema', { ...plugin, schema }],
  ['without one', { ...plugin, schema: undefined }],
])('the revision of a configuration %s', async (_which, owner) => {
  const stored = await vault.seal(first, owner, 7)

  test('stays when all of it is sealed under another key', () => {
    const resealed = rotated.reseal(stored, owner)
    expect(resealed).not.toEqual(stored)
    expect(revisionOf(resealed ?? null)).toBe(revisionOf(stored))
  })

  test.each([
    ['something that everybody sees', { ...first, url: 'https://other.example' }],
    ['a secret', { ...first, token: 'another secret' }],
    ['that there is a secret', { url: first.url }],
  ])('is another one after a change of %s', async (_what, next) => {
    vi.useFakeTimers({ now: Date.now() + 1_000, toFake: ['Date'] })
    expect(revisionOf(await vault.seal(next, owner, 7, stored))).not.toBe(revisionOf(stored))
    vi.useRealTimers()
  })

  test('tells nothing of a secret to who can save one and compare', async () => {
    vi.useFakeTimers({ now: Date.now() + 2_000, toFake: ['Date'] })
    const sealed = ['a guess', first.token].map((token) => vault.seal({ ...first, token }, owner, 7))
    const revisions = (await Promise.all(sealed)).map(revisionOf)
    expect(revisions[0]).toBe(revisions[1])
    vi.useRealTimers()
  })
})

test('that is empty is not one that there is none of', () => {
  expect(revisionOf(null)).not.toBe(revisionOf({}))
})
