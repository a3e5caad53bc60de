import { expect, test } from 'vitest'
import { namedTests, testExists, textOf, type NamedTest } from './testing/named-tests.js'

/** `docs/seed-coverage.md` says which test shows each statement of the seed; here it is held to that. */

const page = textOf('docs/seed-coverage.md')
const rowPattern = /^- \[(?<tick>[ x])\] S(?<number>\d+) (?<what>.+?): (?<rest>.+)$/

interface Row {
  number: number
  ticked: boolean
  rest: string
  tests: NamedTest[]
}

const rows = page
  .split('\n')
  .filter((line) => line.startsWith('- ['))
  .map(readRow)

function readRow(line: string): Row {
  const { tick, number, rest = '' } = rowPattern.exec(line)?.groups ?? {}
  return { number: Number(number), ticked: tick === 'x', rest, tests: namedTests(rest) }
}

const between = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('every statement of the seed has one row, in order', () => {
  expect(rows.map(({ number }) => number)).toEqual(between(1, 160))
})

test('every one of them is ticked', () => {
  expect(rows.filter(({ ticked }) => !ticked)).toEqual([])
})

test('every row names a test', () => {
  expect(rows.filter(({ tests }) => tests.length === 0)).toEqual([])
})

test('every test that is named exists', () => {
  const named = rows.flatMap(({ number, tests }) => tests.map((one) => ({ number, ...one })))
  expect(named.filter((one) => !testExists(one))).toEqual([])
})

test('what was replaced names a decision that exists', () => {
  const replaced = rows.filter(({ rest }) => rest.startsWith('replaced:'))
  expect(replaced.length).toBeGreaterThan(20)
  const explained = new Set([...page.matchAll(/^- \*\*(C\d+)\*\*/gm)].map(([, name]) => name))
  const records = new Set([...textOf('docs/decisions/README.md').matchAll(/\((\d{4})-/g)].map(([, name]) => name))
  for (const { number, rest } of replaced) {
    const names = [...(/^replaced: decisions? ([^(]+)/.exec(rest)?.[1] ?? '').matchAll(/C\d+|\d{4}/g)].map(String)
    expect(names, `S${number}`).not.toEqual([])
    expect(
      names.filter((name) => !explained.has(name) && !records.has(name)),
      `S${number}`,
    ).toEqual([])
  }
})
