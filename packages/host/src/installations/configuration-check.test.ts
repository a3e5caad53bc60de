import { describe, expect, test } from 'vitest'
import { withinTime } from '../secrets/configuration-limits.js'
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
  expect(findProblems({ url: 'https://x.example', name: `${'a'.repeat(40)}!` }, schema, 'X')).toHaveLength(1)
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
    let looks = 0
    const list = Array.from({ length: 1_000 }, (_, id) => ({
      get id() {
        looks++
        return id
      },
    }))
    expect(findProblems({ list }, unique, 'X')).toEqual([])
    expect(looks).toBeLessThan(10 * list.length)
  })
})

test('refuses what is too large before the schema is looked at', () => {
  const list = (length: number) => ({ list: Array.from({ length }, () => 1) })
  expect(findProblems(list(9_998), {}, 'X')).toEqual([])
  expect(findProblems(list(9_999), {}, 'X')).toEqual([{ field: '', message: 'has more than 10000 values' }])
  expect(() => assertValid(list(500_000), schema, 'X')).toThrow('more than 10000 values')
})

/** A schema of a few lines that looks at what it is given for longer than anybody can wait; another one with each number. */
function endless(levels: number): Record<string, unknown> {
  const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
  const $defs = Object.fromEntries(Array.from({ length: levels }, (_, index) => [index, twice(index + 1)]))
  return { $defs: { ...$defs, [levels]: { properties: { looked: false } } }, ...twice(0) }
}

/** A configuration that counts how often it is looked at. */
function counting() {
  let looks = 0
  const value = {
    get looked() {
      return ++looks
    },
  }
  return { value, looks: () => looks }
}

test('is stopped when a schema asks for more work than there is time, after 1,000 ms', () => {
  const work = (ms: number) => () => {
    for (const end = performance.now() + ms; performance.now() < end;);
    return 'done'
  }
  const most = 1_000
  expect(withinTime(work(0.4 * most))).toBe('done')
  expect(() => withinTime(work(60 * most))).toThrow('takes too long to check')
  expect(() => assertValid({}, endless(40), 'X')).toThrow('takes too long to check')
  expect(findProblems({ url: 'https://x.example' }, schema, 'X')).toEqual([])
})

test('is not tried any more when a schema has taken 2,000 ms in a minute: nobody else is served meanwhile', () => {
  const schemaOfSeconds = endless(41)
  const looksAtOneCheck = () => {
    const { value, looks } = counting()
    expect(() => assertValid(value, schemaOfSeconds, 'X')).toThrow('takes too long to check')
    return looks()
  }
  expect(looksAtOneCheck()).toBeGreaterThan(1_000)
  for (let spentMs = 1_000; spentMs < 2_000; spentMs += 1_000) looksAtOneCheck()
  // It is measured, and the schema does not come to see it.
  expect(looksAtOneCheck()).toBeLessThan(10)
  expect(() => assertValid({}, {}, 'X')).not.toThrow()
})
