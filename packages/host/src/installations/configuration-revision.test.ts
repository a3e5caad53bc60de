import { describe, expect, test, vi } from 'vitest'
import { type Configuration, createConfigurationVault } from '../secrets/configuration-vault.js'
import { createSealer } from '../secrets/sealer.js'
import { configurationRevisionOf } from './configuration-revision.js'

const vault = createConfigurationVault({ sealer: createSealer(['old']) })
const rotated = createConfigurationVault({ sealer: createSealer(['new', 'old']) })
const revisionOf = (configuration: Configuration | null) => configurationRevisionOf({ configuration })

const plugin = { tenantId: 'a4ayc80OGd', pluginKey: 'mlflow' }
const schema = { properties: { url: {}, token: { writeOnly: true } } }
const first = { url: 'https://ml.example', token: 'a secret' }

describe.each([
  ['with a schema', { ...plugin, schema }],
  ['without one', { ...plugin, schema: undefined }],
])('the revision of a configuration %s', (_which, owner) => {
  const stored = vault.seal(first, owner, 7)

  test('stays when all of it is sealed under another key', () => {
    const resealed = rotated.reseal(stored, owner)
    expect(resealed).not.toEqual(stored)
    expect(revisionOf(resealed ?? null)).toBe(revisionOf(stored))
  })

  test.each([
    ['something that everybody sees', { ...first, url: 'https://other.example' }],
    ['a secret', { ...first, token: 'another secret' }],
    ['that there is a secret', { url: first.url }],
  ])('is another one after a change of %s', (_what, next) => {
    vi.useFakeTimers({ now: Date.now() + 1_000 })
    expect(revisionOf(vault.seal(next, owner, 7, stored))).not.toBe(revisionOf(stored))
    vi.useRealTimers()
  })

  test('tells nothing of a secret to who can save one and compare', () => {
    vi.useFakeTimers({ now: Date.now() + 2_000 })
    const revisions = ['a guess', first.token].map((token) => revisionOf(vault.seal({ ...first, token }, owner, 7)))
    expect(revisions[0]).toBe(revisions[1])
    vi.useRealTimers()
  })
})

test('that is empty is not one that there is none of', () => {
  expect(revisionOf(null)).not.toBe(revisionOf({}))
})
