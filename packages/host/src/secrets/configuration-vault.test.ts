import { describe, expect, test } from 'vitest'
import { createConfigurationVault } from './configuration-vault.js'
import { createSealer } from './sealer.js'

const schema = {
  type: 'object',
  properties: {
    url: { type: 'string' },
    auth: { enum: ['none', 'basic', 'token'] },
    nested: { type: 'object', properties: { key: { type: 'string', writeOnly: true } } },
  },
  allOf: [
    {
      if: { properties: { auth: { const: 'token' } } },
      then: { properties: { token: { type: 'string', writeOnly: true } } },
    },
  ],
}
const owner = { tenantId: 'a4ayc80OGd', pluginKey: 'mlflow', schema }
const undeclared = { ...owner, schema: undefined }
const vault = createConfigurationVault({ sealer: createSealer(['first secret key']) })
const clear = { url: 'https://ml.example', auth: 'token', token: 's3cret-canary', nested: { key: 'inner-canary' } }

describe('a configuration with a schema', () => {
  test('is stored without its secrets in clear and opens to what it was', () => {
    const stored = vault.seal(clear, owner, 7)
    expect(JSON.stringify(stored)).not.toContain('canary')
    expect(vault.open(stored, owner)).toEqual(clear)
  })

  test('shows its secrets as masks that say when and by whom they were set', () => {
    const shown = vault.mask(vault.seal(clear, owner, 7), owner)
    expect(shown).toMatchObject({
      url: 'https://ml.example',
      token: { $secret: true, setBy: 7 },
      nested: { key: { $secret: true } },
    })
    expect(JSON.stringify(shown)).not.toContain('canary')
  })

  test('keeps a secret that comes back masked or is left out, removes it on null, replaces it on text', () => {
    const stored = vault.seal(clear, owner, 7)
    const shown = vault.mask(stored, owner)
    expect(vault.merge({ ...shown, url: 'https://other.example' }, stored, owner)).toEqual({
      ...clear,
      url: 'https://other.example',
    })
    expect(vault.merge({ url: 'u', nested: {} }, stored, owner)).toEqual({
      url: 'u',
      token: 's3cret-canary',
      nested: { key: 'inner-canary' },
    })
    expect(vault.merge({ url: 'u', token: null }, stored, owner)).toEqual({ url: 'u' })
    expect(vault.merge({ token: 'new' }, stored, owner)).toMatchObject({ token: 'new' })
  })

  test('keeps who set a secret when somebody else saves without changing it', () => {
    const stored = vault.seal(clear, owner, 7)
    const again = vault.seal(vault.merge({ url: 'u' }, stored, owner), owner, 8, stored)
    expect(vault.mask(again, owner)).toMatchObject({ token: { setBy: 7 } })
  })

  test('cannot be opened for another tenant, plugin or field', () => {
    const stored = vault.seal(clear, owner, 7)
    expect(() => vault.open(stored, { ...owner, tenantId: '1HNeOiZeFu' })).toThrow('cannot be opened')
    expect(() => vault.open(stored, { ...owner, pluginKey: 'slack' })).toThrow('cannot be opened')
    expect(() => vault.open({ url: stored['token'] }, owner)).toThrow('cannot be opened')
  })
})

describe('a configuration without a schema', () => {
  test('is sealed as a whole and masked by the names of its values', () => {
    const stored = vault.seal({ server_url: 'https://x', api_token: 'canary' }, undeclared, 7)
    expect(JSON.stringify(stored)).not.toMatch(/canary|https/)
    expect(vault.mask(stored, undeclared)).toMatchObject({ server_url: 'https://x', api_token: { $secret: true } })
    expect(vault.merge({ server_url: 'https://y' }, stored, undeclared)).toEqual({
      server_url: 'https://y',
      api_token: 'canary',
    })
  })
})

describe('the sealer', () => {
  const context = { tenantId: 't', pluginKey: 'p', field: '/f' }

  test('opens with an older key and says that the value is outdated', () => {
    const sealed = createSealer(['old']).seal('text', context)
    const rotated = createSealer(['new', 'old'])
    expect(rotated.open(sealed, context)).toBe('text')
    expect(rotated.isOutdated(sealed)).toBe(true)
    expect(rotated.isOutdated(rotated.seal('text', context))).toBe(false)
    expect(() => createSealer(['new']).open(sealed, context)).toThrow('TENON_SECRET_KEY')
  })

  test('refuses a value with one byte changed', () => {
    const sealer = createSealer(['k'])
    const parts = sealer.seal('some text', context).split('.')
    parts[3] = Buffer.from('another t').toString('base64url')
    expect(() => sealer.open(parts.join('.'), context)).toThrow('cannot be opened')
  })
})
