import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prepareGround, type Ground } from '../ground.js'
import { referenceApplication } from '../reference-application.js'
import { collect, holesAmong } from '../testing/collect.js'
import { type DeploymentInTest, prepareDeploymentInTest } from '../testing/ground-in-test.js'
import { manifestAttacks } from './manifest-attacks.js'
import { manifestCorpus, strictOptions } from './manifest-corpus.js'
import { fieldsThatAskForNothing, manifestFields } from './manifest-fields.js'

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
  test('is attacked field by field of the schema, but for those that ask for nothing', () => {
    const fields = manifestFields()
    const attacked = [...new Set(manifestAttacks.map(({ field }) => field))]
    const harmless = Object.values(fieldsThatAskForNothing).flat()
    expect(fields.filter((field) => !attacked.includes(field) && !harmless.includes(field))).toEqual([])
    expect(harmless.filter((field) => !fields.includes(field) || attacked.includes(field))).toEqual([])
    expect(new Set(harmless).size).toBe(harmless.length)
    // A whole group of fields may be attacked as well, and what no schema knows.
    const isGroup = (field: string) => fields.some((one) => one.startsWith(`${field}.`) || one.startsWith(`${field}[]`))
    expect(attacked.filter((field) => field !== '' && !fields.includes(field) && !isGroup(field))).toEqual([])
  })

  test('is refused, field by field, where the operator does not allow it', { timeout: 480_000, retry: 0 }, async () => {
    const results = await collect(manifestCorpus(ground))
    expect(holesAmong(results)).toEqual([])
    expect(results.length).toBeGreaterThan(40)
    expect(new Set(results.map(({ name }) => name)).size).toBe(results.length)
  })
})
