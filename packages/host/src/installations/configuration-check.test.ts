import { expect, test } from 'vitest'
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
