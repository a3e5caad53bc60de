import { expect, test } from 'vitest'
import { namedTests, testExists, textOf } from './testing/named-tests.js'

/** `docs/bad-input.md` says which test shows what becomes of each mistake; here it is held to that. */

const rows = textOf('docs/bad-input.md')
  .split('\n')
  .filter((line) => line.startsWith('- '))
const numbered = rows.flatMap((line) => /^- \*\*D-(\d+)\*\*/.exec(line)?.[1] ?? [])

test('every mistake has one row, in order', () => {
  expect(numbered.map(Number)).toEqual(Array.from({ length: 21 }, (_, index) => 30 + index))
})

test('every row names a test, and every test that is named exists', () => {
  expect(rows.filter((line) => namedTests(line).length === 0)).toEqual([])
  expect(rows.flatMap(namedTests).filter((named) => !testExists(named))).toEqual([])
})
