import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareGround, type Ground } from '../ground.js'
import { referenceApplication } from '../reference-application.js'
import { collect, holesAmong } from '../testing/collect.js'
import { type DeploymentInTest, prepareDeploymentInTest } from '../testing/ground-in-test.js'
import { manifestCorpus, strictOptions } from './manifest-corpus.js'

let deployment: DeploymentInTest
let ground: Ground
beforeAll(async () => {
  deployment = await prepareDeploymentInTest()
  const host = { ...deployment.host, ...strictOptions(deployment.host) }
  ground = await prepareGround({ host, connection: deployment.connection, application: referenceApplication })
})
afterAll(async () => {
  await ground.close()
  await deployment.close()
})

describe('what a manifest asks for', () => {
  test('is refused, field by field, where the operator does not allow it', { timeout: 240_000 }, async () => {
    const results = await collect(manifestCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(40)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })
})
