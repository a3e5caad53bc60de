import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { collect, holesAmong } from '../testing/collect.js'
import { type GroundInTest, prepareGroundInTest } from '../testing/ground-in-test.js'
import { roleCorpus, sqlCorpus } from './sql-corpus.js'

let ground: GroundInTest
beforeAll(async () => {
  // What never ends by itself is sent, too, and nobody learns more from waiting for it longer.
  ground = await prepareGroundInTest({ limits: { tenancy: { statementTimeoutMs: 1_000 } } })
})
afterAll(() => ground.close())

describe('a hostile plugin with SQL', () => {
  test('reaches nobody through the host', { timeout: 180_000 }, async () => {
    const results = await collect(sqlCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(300)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })

  test('reaches nobody when it has its role in its own hands', { timeout: 120_000 }, async () => {
    const results = await collect(roleCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(250)
  })
})
