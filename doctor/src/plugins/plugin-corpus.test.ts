import { expect, test } from 'vitest'
import type { AttackResult } from '../corpus.js'
import { collect, holesAmong } from '../testing/collect.js'
import { pluginCorpus } from './plugin-corpus.js'

/** One row for each case, for whoever reads the output of the test. */
function print(results: readonly AttackResult[]): void {
  const rows = results.map(({ name, outcome, how }) => `${outcome.padEnd(9)} ${name.padEnd(60)} ${how}`)
  process.stdout.write(`${rows.join('\n')}\n`)
}

test(
  'a hostile plugin reaches nobody and harms nobody, from JavaScript and from below',
  { timeout: 120_000 },
  async () => {
    const results = await collect(pluginCorpus())
    print(results)
    expect(holesAmong(results)).toEqual([])
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
    expect(results.length).toBeGreaterThan(150)
    const belowJavaScript = results.filter(({ name }) => name.startsWith('below JavaScript'))
    if (process.platform === 'linux') expect(belowJavaScript.length).toBeGreaterThan(60)
  },
)

test('a hostile plugin gets no further where the kernel does not help', { timeout: 120_000 }, async () => {
  const results = await collect(pluginCorpus({ maxTier: 'T1', reachOnly: true }))
  expect(results.length).toBeGreaterThan(100)
  expect(holesAmong(results)).toEqual([])
  expect(results.filter(({ outcome }) => outcome === 'residue').map(({ name }) => name)).toEqual([
    'below JavaScript: anything',
  ])
})
