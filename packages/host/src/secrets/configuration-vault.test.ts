import { afterAll, describe, expect, test } from 'vitest'
import { createConfigurationVault, type ConfigurationVault } from './configuration-vault.js'
import { createSchemaThreads } from './schema-threads.js'
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
const schemas = createSchemaThreads()
afterAll(schemas.close)
const vault = createConfigurationVault({ sealer: createSealer(['first secret key']), schemas })
const merge = async (...given: Parameters<ConfigurationVault['merge']>) => (await vault.merge(...given)).values
const clear = { url: 'https://ml.example', auth: 'token', token: 's3cret-canary', nested: { key: 'inner-canary' } }

describe('a configuration with a schema', () => {
  test('is stored without its secrets in clear and opens to what it was', async () => {
    const stored = await vault.seal(clear, owner, 7)
    expect(JSON.stringify(stored)).not.toContain('canary')
    expect(vault.open(stored, owner).values).toEqual(clear)
  })

  test('shows its secrets as masks that say when and by whom they were set', async () => {
    const shown = vault.mask(await vault.seal(clear, owner, 7), owner)
    expect(shown).toMatchObject({
      url: 'https://ml.example',
      token: { $secret: true, setBy: 7 },
      nested: { key: { $secret: true } },
    })
    expect(JSON.stringify(shown)).not.toContain('canary')
  })

  test('keeps a secret that comes back masked or is left out, removes it on null, replaces it on text', async () => {
    const stored = await vault.seal(clear, owner, 7)
    const shown = vault.mask(stored, owner)
    expect(await merge({ ...shown, url: 'https://other.example' }, stored, owner)).toEqual({
      ...clear,
      url: 'https://other.example',
    })
    expect(await merge({ url: 'u', nested: {} }, stored, owner)).toEqual({
      url: 'u',
      token: 's3cret-canary',
      nested: { key: 'inner-canary' },
    })
    expect(await merge({ url: 'u', token: null }, stored, owner)).toEqual({ url: 'u' })
    expect(await merge({ token: 'new' }, stored, owner)).toMatchObject({ token: 'new' })
  })

  test('keeps who set a secret when somebody else saves without changing it', async () => {
    const stored = await vault.seal(clear, owner, 7)
    const again = await vault.seal(await merge({ url: 'u' }, stored, owner), owner, 8, stored)
    expect(vault.mask(again, owner)).toMatchObject({ token: { setBy: 7 } })
  })

  test('cannot be opened for another tenant, plugin or field', async () => {
    const stored = await vault.seal(clear, owner, 7)
    expect(() => vault.open(stored, { ...owner, tenantId: '1HNeOiZeFu' })).toThrow('cannot be opened')
    expect(() => vault.open(stored, { ...owner, pluginKey: 'slack' })).toThrow('cannot be opened')
    expect(() => vault.open({ url: stored['token'] }, owner)).toThrow('cannot be opened')
  })
})

describe('what was secret before an update whose schema does not say so any more', () => {
  const open = { type: 'object', properties: { url: {}, auth: {}, token: { type: 'string' }, nested: {} } }
  const later = { ...owner, schema: open }

  test('stays sealed and masked until another value is saved', async () => {
    const stored = await vault.seal(clear, owner, 7)
    const kept = await vault.seal(vault.open(stored, owner).values, later, 8, stored)
    expect(JSON.stringify(kept)).not.toContain('canary')
    const shown = vault.mask(kept, later)
    expect(shown).toMatchObject({ url: 'https://ml.example', token: { $secret: true, setBy: 7 } })
    expect(shown).toMatchObject({ nested: { key: { $secret: true, setBy: 7 } } })
    expect(vault.open(kept, later)).toEqual({ values: clear, secrets: ['s3cret-canary', 'inner-canary'] })

    const again = await vault.merge({ ...shown, url: 'u' }, kept, later)
    expect(again.values).toEqual({ ...clear, url: 'u' })
    expect(again.secrets).toContain('s3cret-canary')
    expect(JSON.stringify(await vault.seal(again.values, later, 8, kept))).not.toContain('canary')

    const changed = await merge({ ...shown, token: 'in the open' }, kept, later)
    expect(await vault.seal(changed, later, 8, kept)).toMatchObject({ token: 'in the open' })
  })

  test('and what was sealed as a whole is sealed by its names', async () => {
    const values = { server_url: 'https://x', api_token: 'canary', servers: [{ password: 'canary', name: 'n' }] }
    const stored = await vault.seal(values, undeclared, 7)
    const kept = await vault.seal(values, later, 8, stored)
    expect(JSON.stringify(kept)).not.toContain('canary')
    expect(kept).toMatchObject({ server_url: 'https://x', servers: [{ name: 'n' }] })
    expect(vault.open(kept, later).values).toEqual(values)
  })

  test('and without any schema it is masked besides what has the name of a secret', async () => {
    const pin = { type: 'string', writeOnly: true }
    const earlier = { ...owner, schema: { properties: { pin, 'a/b': { properties: { code: pin } } } } }
    const values = { pin: 'canary', 'a/b': { code: 'canary' }, name: 'n' }
    const stored = await vault.seal(values, earlier, 7)
    const whole = await vault.seal(values, undeclared, 8, stored)
    const shown = vault.mask(whole, undeclared)
    expect(shown).toMatchObject({ pin: { $secret: true }, 'a/b': { code: { $secret: true } }, name: 'n' })
    expect(vault.open(whole, undeclared)).toEqual({ values, secrets: ['canary', 'canary'] })

    const saved = await merge({ ...shown, name: 'other' }, whole, undeclared)
    expect(saved).toEqual({ ...values, name: 'other' })
    const again = await vault.seal(saved, undeclared, 8, whole)
    expect(JSON.stringify(vault.mask(again, undeclared))).not.toContain('canary')
    expect(JSON.stringify(await vault.seal(saved, later, 8, again))).not.toContain('canary')
    const changed = await vault.seal({ ...saved, pin: 'in the open' }, undeclared, 8, again)
    expect(vault.mask(changed, undeclared)).toMatchObject({ pin: 'in the open' })
  })

  test('and stays so after a third version', async () => {
    const stored = await vault.seal(clear, owner, 7)
    const kept = await vault.seal(clear, later, 8, stored)
    expect(JSON.stringify(await vault.seal(clear, { ...later, schema: {} }, 8, kept))).not.toContain('canary')
  })
})

describe('a configuration without a schema', () => {
  test('is sealed as a whole and masked by the names of its values', async () => {
    const stored = await vault.seal({ server_url: 'https://x', api_token: 'canary' }, undeclared, 7)
    expect(JSON.stringify(stored)).not.toMatch(/canary|https/)
    expect(vault.mask(stored, undeclared)).toMatchObject({ server_url: 'https://x', api_token: { $secret: true } })
    expect(await merge({ server_url: 'https://y' }, stored, undeclared)).toEqual({
      server_url: 'https://y',
      api_token: 'canary',
    })
  })
})

describe('a secret is found where a schema declares it', () => {
  const secret = { type: 'string', writeOnly: true }
  const sealed = async (properties: object, configuration: Record<string, unknown>, more: object = {}) => {
    const declared = { ...owner, schema: { type: 'object', properties, ...more } }
    const stored = await vault.seal(configuration, declared, 7)
    expect(vault.open(stored, declared).values).toEqual(configuration)
    expect(await merge({}, stored, declared)).toEqual(
      Object.fromEntries(Object.entries(configuration).filter(([, value]) => value === 'canary')),
    )
    return JSON.stringify(stored) + JSON.stringify(vault.mask(stored, declared))
  }

  test.each<[string, object, Record<string, unknown>, object?]>([
    ['through a reference', { a: { $ref: '#/$defs/s%20x' } }, { a: 'canary' }, { $defs: { 's x': secret } }],
    [
      'through a chain of references',
      { a: { $ref: '#/$defs/b' } },
      { a: 'canary' },
      { $defs: { b: { $ref: '#s' }, s: { $anchor: 's', ...secret } } },
    ],
    [
      'through a reference to the whole',
      { a: { $ref: '#' } },
      { a: { t: 'canary' } },
      { patternProperties: { '^t$': secret } },
    ],
    ['through a reference that leads nowhere', { a: { $ref: '#/$defs/none' } }, { a: 'canary' }],
    ['through the pattern of a name', {}, { x_token: 'canary' }, { patternProperties: { '^x_': secret } }],
    ['at a place in a list', { list: { prefixItems: [{}, secret] } }, { list: ['plain', 'canary'] }],
    [
      'in a schema that depends on another value',
      { a: {} },
      { a: 'x', b: 'canary' },
      { dependentSchemas: { a: { properties: { b: secret } } } },
    ],
    ['as any other property', {}, { b: 'canary' }, { unevaluatedProperties: secret }],
  ])('%s', async (_where, properties, configuration, more) => {
    expect(await sealed(properties, configuration, more)).not.toContain('canary')
  })

  test('and names that do not match the pattern stay readable', async () => {
    const text = await sealed({}, { x_token: 'canary', url: 'plain' }, { patternProperties: { '^x_': secret } })
    expect(text).toContain('plain')
  })

  test('in no more time than the size of the schema takes', async () => {
    let chain: object = { properties: { t: secret } }
    for (let depth = 0; depth < 26; depth++) chain = { then: chain, properties: { a: {} } }
    const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
    const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [index, twice(index + 1)]))
    const many = { ...chain, $defs: { ...$defs, 40: chain }, anyOf: [twice(0)] }
    expect(await sealed({}, { t: 'canary' }, many)).not.toContain('canary')
  })
})

describe('a configuration that somebody sends', () => {
  test.each([owner, undeclared])('cannot pass itself off as a sealed one', async (whose) => {
    for (const sent of [{ $sealed: 'x' }, { nested: { list: [{ $sealed: 'v1.a.b.c.d' }] } }]) {
      await expect(merge(sent, null, whose)).rejects.toThrow('$sealed')
    }
  })

  test('has up to 10,000 values, 256 kB and 64 levels', async () => {
    const nested = (levels: number): Record<string, unknown> => (levels === 0 ? {} : { a: nested(levels - 1) })
    const list = (length: number) => ({ list: Array.from({ length }, () => 1) })
    // The whole and the list are two of them.
    expect(await merge(list(10_000 - 2), null, owner)).toEqual(list(10_000 - 2))
    await expect(merge(list(10_000 - 1), null, owner)).rejects.toThrow('more than 10000 values')
    const overhead = '{"a":""}'.length
    const text = (length: number) => ({ a: 'x'.repeat(length - overhead) })
    expect(await merge(text(262_144), null, owner)).toEqual(text(262_144))
    await expect(merge(text(262_144 + 1), null, owner)).rejects.toThrow('larger than 256 kB')
    expect(await merge(nested(64 - 1), null, undeclared)).toEqual(nested(64 - 1))
    await expect(merge(nested(64), null, undeclared)).rejects.toThrow('deeper than 64')
  })
})

describe('a schema that takes for ever to say what is secret', () => {
  const parts = Array.from({ length: 5_000 }, () => ({ $ref: '#x' }))
  const every = { allOf: parts, additionalProperties: { $ref: '#/$defs/every' }, items: { $ref: '#/$defs/every' } }
  const slow = { ...owner, schema: { $ref: '#/$defs/every', $defs: { every, x: { $anchor: 'x' } } } }
  const configuration = { url: 'plain canary', list: Array.from({ length: 5_000 }, () => 1) }

  test('is told so by who sends a configuration', async () => {
    await expect(merge(configuration, null, slow)).rejects.toThrow('takes too long to check')
  })

  test('has everything sealed, masked and hidden', async () => {
    const stored = await vault.seal(configuration, slow, 7)
    expect(JSON.stringify(stored)).not.toContain('canary')
    expect(vault.mask(stored, slow)).toMatchObject({ $secret: true, setBy: 7 })
    expect(vault.open(stored, slow)).toEqual({ values: configuration, secrets: [configuration] })
  })
})

describe('a schema by which too much is secret', () => {
  const secret = { type: 'string', writeOnly: true }
  const properties = { a: { additionalProperties: secret } }
  const every = { ...owner, schema: { patternProperties: { '^b': secret }, properties } }
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`b${index}`, 'canary']))
  const deep = (path: number) => ({ a: { ['x'.repeat(path - '/a/'.length)]: 'canary' } })

  test('is told so by who sends a configuration: each secret is sealed alone, and opened for each call', async () => {
    expect(await merge(many(200), null, every)).toEqual(many(200))
    await expect(merge(many(201), null, every)).rejects.toThrow('has more than 200 secret values')
    expect(await merge(deep(1_000), null, every)).toEqual(deep(1_000))
    await expect(merge(deep(1_001), null, every)).rejects.toThrow(
      'a secret value at a path of more than 1000 characters',
    )
  })

  test.each([many(201), deep(1_001)])('has everything sealed at once when it comes later', async (configuration) => {
    const stored = await vault.seal(configuration, every, 7)
    expect(Object.keys(stored)).toEqual(['$sealed', 'setAt', 'setBy'])
    expect(vault.open(stored, every)).toEqual({ values: configuration, secrets: [configuration] })
  })
})

test('what is secret comes with a configuration in clear', async () => {
  const secrets = [clear.token, clear.nested.key]
  expect((await vault.merge(clear, null, owner)).secrets.toSorted()).toEqual(secrets.toSorted())
  expect(vault.open(await vault.seal(clear, owner, 7), owner).secrets.toSorted()).toEqual(secrets.toSorted())
  const named = { pin: 'a', nested: [{ api_key: 'b' }] }
  expect((await vault.merge(named, null, undeclared)).secrets).toEqual(['b'])
  expect(vault.open(await vault.seal(named, undeclared, 7), undeclared).secrets).toEqual(['b'])
})

test('a stored configuration that cannot be opened is shown as unreadable', async () => {
  expect(vault.mask({ $sealed: 'x' }, undeclared)).toEqual({ $unreadable: true })
  expect(vault.mask(await vault.seal({ a: 1 }, { ...undeclared, tenantId: 'b' }, 7), undeclared)).toEqual({
    $unreadable: true,
  })
})

describe('secrets in a list', () => {
  const listed = {
    ...owner,
    schema: {
      properties: {
        servers: { items: { properties: { url: {}, token: { writeOnly: true } } } },
      },
    },
  }
  const servers = [
    { url: 'a', token: 'token of a' },
    { url: 'b', token: 'token of b' },
  ]

  test.each([listed, undeclared])('stay with their items when items move, go or come', async (whose) => {
    const stored = await vault.seal({ servers }, whose, 7)
    const shown = vault.mask(stored, whose) as { servers: object[] }
    const [a, b] = shown.servers as [object, object]
    const merged = async (sent: object[]) => (await merge({ servers: sent }, stored, whose))['servers']
    expect(await merged([a, b])).toEqual(servers)
    expect(await merged([b, a])).toEqual([servers[1], servers[0]])
    expect(await merged([b])).toEqual([servers[1]])
    expect(await merged([{ url: 'c', token: 'new' }, a])).toEqual([{ url: 'c', token: 'new' }, servers[0]])
    expect(await merged([{ url: 'b' }, { url: 'c' }])).toEqual([servers[1], { url: 'c' }])
    expect(await merged([{ url: 'a', token: null }, b])).toEqual([{ url: 'a' }, servers[1]])
  })

  test.each([listed, undeclared])('are asked for again when the rest of their item was changed', async (whose) => {
    const stored = await vault.seal({ servers }, whose, 7)
    const shown = vault.mask(stored, whose) as { servers: Record<string, unknown>[] }
    const sent = { servers: [{ ...shown.servers[0], url: 'c' }, shown.servers[1]] }
    await expect(merge(sent, stored, whose)).rejects.toThrow('servers/0/token')
  })

  test('are asked for again when two items differ in nothing else and one of them went', async () => {
    const twins = [
      { url: 'a', token: 'one' },
      { url: 'a', token: 'two' },
    ]
    const stored = await vault.seal({ servers: twins }, listed, 7)
    const shown = vault.mask(stored, listed) as { servers: object[] }
    expect(await merge(shown, stored, listed)).toEqual({ servers: twins })
    await expect(merge({ servers: [shown.servers[1]] }, stored, listed)).rejects.toThrow('type it again')
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
