import { afterAll, describe, expect, test } from 'vitest'
import { configurationLimits } from './configuration-limits.js'
import { createSchemaThreads } from './schema-threads.js'
import { patience } from './slow-schemas.js'

const schemas = createSchemaThreads()
afterAll(schemas.close)

const use = { plugin: 'X', tenantId: 'alice' }
const findProblems = (value: unknown, by: Record<string, unknown>) => schemas.findProblems(value, by, use)
const assertValid = (value: unknown, by: Record<string, unknown>) => schemas.assertValid(value, by, use)

const schema = {
  type: 'object',
  required: ['url'],
  properties: {
    url: { type: 'string', format: 'uri' },
    timeout: { type: 'number', minimum: 1, maximum: 300 },
    name: { type: 'string', pattern: '^(a+)+$' },
  },
}

/** Asks for two to the power of `levels` looks at a value. The title makes it another one for each test. */
function doubling(levels: number, title: string, end: unknown = false): Record<string, unknown> {
  const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
  const between = Array.from({ length: levels }, (_, index) => [index, twice(index + 1)])
  return { title, $defs: { ...Object.fromEntries(between), [levels]: end }, ...twice(0) }
}

test('names each field and what is wrong with it', async () => {
  expect(await findProblems({ timeout: 301 }, schema)).toEqual([
    { field: '/url', message: 'is required' },
    { field: '/timeout', message: 'must be <= 300' },
  ])
  await expect(assertValid({ timeout: 301 }, schema)).rejects.toMatchObject({
    code: 'CONFIGURATION_INVALID',
    details: { reasons: 'url is required; timeout must be <= 300' },
  })
})

test('accepts what the schema accepts', async () => {
  expect(await findProblems({ url: 'https://x.example', timeout: 300, name: 'aaa' }, schema)).toEqual([])
})

test('is not held up by a pattern that backtracks for ever', async () => {
  expect(await findProblems({ url: 'https://x.example', name: `${'a'.repeat(40)}!` }, schema)).toEqual([
    { field: '/name', message: 'must match pattern "^(a+)+$"' },
  ])
})

test.each([
  ['that is none', { type: 'nonsense' }],
  ['that leads to itself', { $ref: '#' }],
  ['with a pattern that is none', { properties: { name: { pattern: '(' } } }],
])('says which plugin has a schema %s', async (_which, unusable) => {
  const use = { plugin: 'Acme Sync', tenantId: 'alice' }
  await expect(schemas.findProblems({ name: 'a' }, unusable, use)).rejects.toMatchObject({
    code: 'PLUGIN_RESULT_INVALID',
    details: { plugin: 'Acme Sync' },
  })
})

describe('a list of unlike items', () => {
  const unique = { properties: { list: { uniqueItems: true } } }

  test('has no two items that say the same', async () => {
    expect(await findProblems({ list: [{ a: 1, b: 2 }, { a: 1 }, 1, '1'] }, unique)).toEqual([])
    const twins = [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ]
    expect(await findProblems({ list: twins }, unique)).toEqual([
      { field: '/list', message: 'must NOT have duplicate items' },
    ])
  })

  test('may be as long as a configuration can be', async () => {
    const list = Array.from({ length: 4_900 }, (_, id) => ({ id }))
    expect(await findProblems({ list }, unique)).toEqual([])
  })
})

test('refuses what is too large before the schema is looked at', async () => {
  const list = (length: number) => ({ list: Array.from({ length }, () => 1) })
  expect(await findProblems(list(9_998), {})).toEqual([])
  expect(await findProblems(list(9_999), {})).toEqual([{ field: '', message: 'has more than 10000 values' }])
  await expect(assertValid(list(500_000), schema)).rejects.toThrow('more than 10000 values')
})

describe('a schema that asks for more than there is', { timeout: 30_000 }, () => {
  test('of time is refused, and the host serves others meanwhile', async () => {
    expect(configurationLimits.milliseconds).toBe(1_000)
    let turns = 0
    let isChecked = false
    const count = (): void => {
      turns += 1
      if (!isChecked) setImmediate(count)
    }
    setImmediate(count)
    const refused = expect(assertValid({}, doubling(40, 'turns'))).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      details: { reasons: 'the whole takes too long to check' },
    })
    await refused.finally(() => (isChecked = true))
    expect(turns).toBeGreaterThan(100)
  })

  test('of memory is refused', async () => {
    expect(configurationLimits.threadMb).toBe(128)
    const every = { allOf: Array.from({ length: 40 }, () => ({ $ref: '#/$defs/lacks' })) }
    const lacks = { required: Array.from({ length: 2_000 }, (_, index) => `field ${index}`) }
    const greedy = { properties: { list: { items: every } }, $defs: { lacks } }
    const list = Array.from({ length: 4_000 }, () => ({}))
    await expect(assertValid({ list }, greedy)).rejects.toThrow(/takes too (much memory|long) to check/)
    expect(await findProblems({ url: 'https://x.example' }, schema)).toEqual([])
  })

  test('of time to say what is secret is refused', async () => {
    const parts = Array.from({ length: 5_000 }, () => ({ $ref: '#x' }))
    const every = { allOf: parts, items: { $ref: '#/$defs/every' } }
    const slow = { properties: { list: { $ref: '#/$defs/every' } }, $defs: { every, x: { $anchor: 'x' } } }
    const json = JSON.stringify({ list: Array.from({ length: 5_000 }, () => 1) })
    await expect(schemas.findSecrets(json, slow, use)).rejects.toThrow('takes too long to check')
  })

  test('is not tried any more when it has had its seconds', async () => {
    expect(patience).toEqual({ milliseconds: 2_000, windowMs: 60_000 })
    const slow = doubling(40, 'patience')
    // Each would take a second, and the test a minute and a half
    const refused = await Promise.allSettled(Array.from({ length: 90 }, () => assertValid({}, slow)))
    expect(new Set(refused.map((one) => 'reason' in one && (one.reason as Error).message))).toEqual(
      new Set(['The configuration is not valid: the whole takes too long to check']),
    )
  })

  test('holds up neither other organizations nor other schemas', async () => {
    const answered: string[] = []
    const slow = Array.from({ length: 2 }, (_, index) =>
      schemas
        .assertValid({}, doubling(40, `flood ${index}`), { plugin: 'Mallory', tenantId: 'mallory' })
        .catch(() => answered.push('mallory')),
    )
    const honest = schemas
      .findProblems({ url: 'https://x.example' }, schema, { plugin: 'X', tenantId: 'alice' })
      .then((problems) => answered.push(`alice ${problems.length}`))
    await Promise.all([...slow, honest])
    expect(answered).toEqual(['alice 0', 'mallory', 'mallory'])
  })
})

test('answers many at once, each with what it asked for', async () => {
  const asked = Array.from({ length: 500 }, (_, limit) =>
    schemas.findProblems(limit, { maximum: limit - 1 }, { plugin: 'X', tenantId: `organization ${limit % 7}` }),
  )
  const problems = await Promise.all(asked)
  expect(problems.map(([problem]) => problem?.message)).toEqual(
    Array.from({ length: 500 }, (_, limit) => `must be <= ${limit - 1}`),
  )
})

test('answers all the same when its thread is ended in the middle', async () => {
  const other = createSchemaThreads()
  process.once('worker', (worker) => worker.once('message', () => void worker.terminate()))
  expect(await other.findProblems({}, schema, use)).toEqual([{ field: '/url', message: 'is required' }])
  expect(await other.findProblems({ url: 'https://x.example' }, schema, use)).toEqual([])
  await other.close()
})

test('answers nothing once it is closed', async () => {
  const other = createSchemaThreads()
  const waiting = Promise.allSettled([other.assertValid({}, schema, use), other.assertValid({}, schema, use)])
  await other.close()
  expect(await waiting).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
  await expect(other.assertValid({ url: 'https://x.example' }, schema, use)).rejects.toThrow()
})
