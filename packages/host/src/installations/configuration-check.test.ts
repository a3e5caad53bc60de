import { describe, expect, test } from 'vitest'
import { assertValid, findProblems } from './configuration-check.js'

const schema = {
  type: 'object',
  required: ['url'],
  properties: {
    url: { type: 'string', format: 'uri' },
    timeout: { type: 'number', minimum: 1, maximum: 300 },
    name: { type: 'string', pattern: '^(a+)+$' },
  },
}

test('names each field and what is wrong with it', () => {
  expect(findProblems({ timeout: 301 }, schema, 'X')).toEqual([
    { field: '/url', message: 'is required' },
    { field: '/timeout', message: 'must be <= 300' },
  ])
  expect(() => assertValid({ timeout: 301 }, schema, 'X')).toThrow('url is required; timeout must be <= 300')
})

test('accepts what the schema accepts', () => {
  expect(findProblems({ url: 'https://x.example', timeout: 300, name: 'aaa' }, schema, 'X')).toEqual([])
})

test('is not held up by a pattern that backtracks for ever', () => {
  const started = performance.now()
  expect(findProblems({ url: 'https://x.example', name: `${'a'.repeat(40)}!` }, schema, 'X')).toHaveLength(1)
  expect(performance.now() - started).toBeLessThan(2_000)
})

test('says which plugin has an unusable schema', () => {
  expect(() => findProblems({}, { type: 'nonsense' }, 'Acme Sync')).toThrow('Acme Sync')
})

describe('a list of unlike items', () => {
  const unique = { properties: { list: { uniqueItems: true } } }

  test('has no two items that say the same', () => {
    expect(findProblems({ list: [{ a: 1, b: 2 }, { a: 1 }, 1, '1'] }, unique, 'X')).toEqual([])
    expect(
      findProblems(
        {
          list: [
            { a: 1, b: 2 },
            { b: 2, a: 1 },
          ],
        },
        unique,
        'X',
      ),
    ).toEqual([{ field: '/list', message: 'must NOT have duplicate items' }])
  })

  test('is checked in no more time than its length takes', () => {
    const list = Array.from({ length: 4_900 }, (_, id) => ({ id }))
    const started = performance.now()
    expect(findProblems({ list }, unique, 'X')).toEqual([])
    expect(performance.now() - started).toBeLessThan(500)
  })
})

test('refuses what is too large before the schema is looked at', () => {
  const list = (length: number) => ({ list: Array.from({ length }, () => 1) })
  expect(findProblems(list(9_998), {}, 'X')).toEqual([])
  expect(findProblems(list(9_999), {}, 'X')).toEqual([{ field: '', message: 'has more than 10000 values' }])
  expect(() => assertValid(list(500_000), schema, 'X')).toThrow('more than 10000 values')
})

test('is stopped when a schema asks for more work than there is time', () => {
  const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
  const $defs = {
    ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [index, twice(index + 1)])),
    40: false,
  }
  const started = performance.now()
  expect(() => assertValid({}, { $defs, ...twice(0) }, 'X')).toThrow('takes too long to check')
  expect(performance.now() - started).toBeLessThan(3_000)
  expect(findProblems({ url: 'https://x.example' }, schema, 'X')).toEqual([])
})

test(
  'is not tried any more when a schema has taken seconds: nobody else is served meanwhile',
  { timeout: 20_000 },
  () => {
    const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
    const $defs = {
      ...Object.fromEntries(Array.from({ length: 41 }, (_, index) => [index, twice(index + 1)])),
      41: false,
    }
    const started = performance.now()
    for (let time = 0; time < 10; time++) {
      expect(() => assertValid({}, { $defs, ...twice(0) }, 'X')).toThrow('takes too long to check')
    }
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(() => assertValid({}, {}, 'X')).not.toThrow()
  },
)
