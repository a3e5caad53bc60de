import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
})
afterAll(() => it.close())

const plugin = (key: string, version: string, configuration: object): TestPlugin => ({
  key,
  entry: { version, contributes: { configuration: { type: 'object', ...configuration } } },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const router = {
        'GET /version': async () => ({ data: '${version}' }),
        'GET /configuration': async ({ configuration }: any) => ({ data: configuration }),
        'GET /failure': async ({ configuration }: any) => { throw new Error('with ' + configuration.pin) },
      }`,
  },
})

/** Checks a value two to the power of forty times. */
const twice = (next: number) => ({ anyOf: [{ $ref: `#/$defs/${next}` }, { $ref: `#/$defs/${next}` }] })
const slowToCheck = {
  $defs: { ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [index, twice(index + 1)])), 40: false },
  ...twice(0),
}
/** Looks at thousands of its parts for each part of a value. */
const every = {
  allOf: Array.from({ length: 5_000 }, () => ({ $ref: '#x' })),
  additionalProperties: { $ref: '#/$defs/every' },
  items: { $ref: '#/$defs/every' },
}
const slowToRead = { allOf: [{ $ref: '#/$defs/every' }], $defs: { every, x: { $anchor: 'x' } } }
const honest = { properties: { pin: { type: 'string', writeOnly: true }, list: { type: 'array' } } }

const two = { organizationId: 2 } as const
const save = (id: number, configuration: object, who = {}) =>
  it.api('PUT', `/installations/${id}/configuration`, { configuration }, who)

test('another organization is served while a schema takes long over a configuration', async () => {
  await it.publish(plugin('slow', '1.0.0', slowToCheck), plugin('honest', '1.0.0', honest))
  const slow = await it.install('slow')
  const { content } = await it.api('POST', '/install', { pluginKey: 'honest' }, two)
  const theirs = (content as { id: number }).id
  expect(await it.api('GET', '/honest/version', undefined, two)).toMatchObject({ content: '1.0.0' })

  let isChecked = false
  const checked = save(slow, {}).finally(() => (isChecked = true))
  let calls = 0
  let saves = 0
  while (!isChecked) {
    expect((await it.api('GET', '/honest/version', undefined, two)).status).toBe(200)
    expect((await save(theirs, { pin: `pin ${saves}` }, two)).status).toBe(200)
    if (isChecked) break
    calls += 1
    saves += 1
  }
  expect(await checked).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
  expect(calls).toBeGreaterThan(2)
})

test('an update to a schema that takes long loses no secret and tells none', async () => {
  await it.publish(plugin('turning', '1.0.0', honest))
  const id = await it.install('turning')
  const configuration = { pin: 'canary pin', list: Array.from({ length: 4_000 }, () => 1) }
  expect(await save(id, configuration)).toMatchObject({ status: 200 })
  await it.publish(plugin('turning', '1.1.0', slowToRead))
  const updated = await it.api('POST', `/installations/${id}/update`)
  expect(updated).toMatchObject({ status: 200, content: { version: '1.1.0', configuration: { $secret: true } } })
  expect(updated.bytes.toString()).not.toContain('canary')
  expect(await it.api('GET', '/turning/configuration')).toMatchObject({ content: configuration })
  expect(await save(id, configuration)).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
  await it.api('GET', '/turning/failure')
  expect(it.log.join('\n')).not.toContain('canary')
})
