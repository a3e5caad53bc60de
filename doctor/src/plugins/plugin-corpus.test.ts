import { createRuntime } from '@tenon/host'
import { expect, test } from 'vitest'
import { collect, holesAmong } from '../testing/collect.js'
import { pluginCorpus } from './plugin-corpus.js'

test(
  'a hostile plugin reaches nobody and harms nobody, from JavaScript and from below',
  { timeout: 300_000, retry: 0 },
  async () => {
    const results = await collect(pluginCorpus())
    expect(holesAmong(results)).toEqual([])
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
    expect(results.length).toBeGreaterThan(150)
    const belowJavaScript = results.filter(({ name }) => name.startsWith('below JavaScript'))
    if (process.platform === 'linux') expect(belowJavaScript.length).toBeGreaterThan(60)
  },
)

test('a hostile plugin gets no further without namespaces', { timeout: 300_000, retry: 0 }, async ({ skip }) => {
  const runtime = createRuntime({ log: { info: () => undefined, warn: () => undefined }, limits: { warmRunners: 0 } })
  const { tier } = await runtime.selfTest()
  await runtime.stop()
  if (tier !== 'T3') skip(`the strongest tier here is ${tier}, which is attacked above`)
  const results = await collect(pluginCorpus({ maxTier: 'T2' }))
  expect(holesAmong(results)).toEqual([])
  expect(results.length).toBeGreaterThan(150)
})

test('a hostile plugin gets no further where the kernel does not help', { timeout: 300_000, retry: 0 }, async () => {
  const results = await collect(pluginCorpus({ maxTier: 'T1', reachOnly: true }))
  expect(results.length).toBeGreaterThan(100)
  expect(holesAmong(results)).toEqual([])
  expect(results.filter(({ outcome }) => outcome === 'residue').map(({ name }) => name)).toEqual([
    'below JavaScript: anything',
  ])
})
