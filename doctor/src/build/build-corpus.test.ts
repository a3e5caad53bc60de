import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareGround, type Ground } from '../ground.js'
import { referenceApplication } from '../reference-application.js'
import { collect, holesAmong } from '../testing/collect.js'
import { type DeploymentInTest, prepareDeploymentInTest } from '../testing/ground-in-test.js'
import { buildCorpus, buildOptions } from './build-corpus.js'
import { startRegistries, type Registries } from './registries.js'

let deployment: DeploymentInTest
let ground: Ground
let registries: Registries
beforeAll(async () => {
  deployment = await prepareDeploymentInTest()
  registries = await startRegistries()
  const host = { ...deployment.host, ...buildOptions(registries) }
  ground = await prepareGround({ host, connection: deployment.connection, application: referenceApplication })
})
afterAll(async () => {
  await ground.close()
  await registries.close()
  await deployment.close()
})

describe('a source-only plugin', () => {
  test('gets hold of nothing while it is bundled', { timeout: 480_000, retry: 0 }, async () => {
    const results = await collect(buildCorpus(ground, registries))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(65)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })
})
