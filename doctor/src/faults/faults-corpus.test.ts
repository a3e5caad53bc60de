import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, holesAmong } from '../testing/collect.js'
import { type GroundInTest, prepareGroundInTest } from '../testing/ground-in-test.js'
import { faultOptions, faultsCorpus } from './faults-corpus.js'

let ground: GroundInTest
beforeAll(async () => {
  const { runtime } = faultOptions().limits
  // The gaps between restarts would make it last twice as long.
  ground = await prepareGroundInTest({ limits: { runtime: { ...runtime, restartGapMs: 0 } } })
})
afterAll(() => ground.close())

describe('faults of plugins', () => {
  test(
    'make no call of another organization fail, nor lead an answer astray',
    { timeout: 600_000, retry: 0 },
    async () => {
      const results = await collect(faultsCorpus(ground))
      const { how: figures } = results.find(({ name }) => name === 'makes others wait') ?? { how: '' }
      process.stdout.write(`1,000 faults: ${figures}\n`)
      // Time is for the doctor to judge, on a machine that does nothing else.
      expect(holesAmong(results).filter(({ name }) => name !== 'makes others wait')).toEqual([])
      expect(results.length).toBeGreaterThan(10)
    },
  )
})
