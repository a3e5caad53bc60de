import { expect, test } from 'vitest'
import { countOf } from './count-of.js'

test('a number stands with the noun that fits it', () => {
  expect(countOf(0, 'row')).toBe('0 rows')
  expect(countOf(1, 'row')).toBe('1 row')
  expect(countOf(12_000, 'row')).toBe('12,000 rows')
  expect(countOf(1, 'entry', 'entries')).toBe('1 entry')
  expect(countOf(2, 'entry', 'entries')).toBe('2 entries')
})
