import Module from 'node:module'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp } from './testing/test-app.js'

/** The part of Node that looks for packages, here and in everything that `createRequire` makes. */
const resolver = Module as unknown as { _resolveFilename: (name: string, ...rest: unknown[]) => string }
const find = resolver._resolveFilename

let app: TestApp
beforeAll(async () => {
  resolver._resolveFilename = (name, ...rest) => {
    if (name === 'koffi') throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
    return find(name, ...rest)
  }
  app = await startTestApp()
  await app.start()
})
afterAll(async () => {
  resolver._resolveFilename = find
  await app?.stop()
})

it('a host that cannot find koffi says so in its health, and warns of it in its log', async () => {
  const reason = 'the optional package koffi is not installed'
  const { body } = await app.call('GET', '/api/health')
  const tiersNotTaken = [
    { tier: 'T3', reason },
    { tier: 'T2', reason },
  ]
  expect(body.data).toMatchObject({ tier: 'T1', tiersNotTaken })
  const warnings = app.logged.filter(({ msg, level }) => msg === 'sandbox tier not taken' && level === 40)
  expect(warnings).toMatchObject(tiersNotTaken.map(({ tier }) => ({ tier: 'T1', notTaken: tier, reason })))
})
