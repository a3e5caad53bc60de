import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, holesAmong } from '../testing/collect.js'
import { type GroundInTest, prepareGroundInTest } from '../testing/ground-in-test.js'
import { egressCorpus, egressOptions } from './egress-corpus.js'
import { createRecordingNetwork, type RecordingNetwork } from './recording-network.js'

let network: RecordingNetwork
let ground: GroundInTest
beforeAll(async () => {
  network = await createRecordingNetwork()
  ground = await prepareGroundInTest(egressOptions(network))
})
afterAll(async () => {
  await ground.close()
  await network.close()
})

describe('a hostile plugin on the network', () => {
  test('reaches nothing but what it may, nor does the host for it', { timeout: 300_000, retry: 0 }, async () => {
    const results = await collect(egressCorpus(ground, network))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(150)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })
})
