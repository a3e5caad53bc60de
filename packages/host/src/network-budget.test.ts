import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'
import {
  asksForService,
  connectCode,
  lifecycleCode,
  type OutsideService,
  startOutsideService,
} from './testing/outside-service.js'

const caller: TestPlugin = {
  key: 'caller',
  entry: asksForService,
  files: {
    'index.ts': `
      ${connectCode}
      ${lifecycleCode}
      export const router = { 'POST /connect': async () => ({ data: await connect() }) }`,
  },
}

let service: OutsideService
let one: HostInTest
let two: Replica
let id: number
beforeAll(async () => {
  service = await startOutsideService()
  one = await startHostInTest({
    ...service.options,
    limits: { runtime: { maxEgressConnections: 4, egressShareMs: 50 } },
  })
  await one.publish(caller)
  two = await one.startReplica()
  id = await one.install('caller')
})
afterAll(async () => {
  await two.close()
  await one.close()
  service.close()
})

const connect = async (server: Pick<Replica, 'api'>) => (await server.api('POST', '/caller/connect')).content
const used = async (server: Pick<Replica, 'api'>) => {
  const { content } = await server.api('GET', `/installations/${id}/health`)
  const { budgets } = content as { budgets: { name: string; used: number }[] }
  return budgets.find(({ name }) => name.startsWith('connections to the outside'))?.used
}

test('what a plugin uses of the network through one server shows on the other', async () => {
  for (let count = 0; count < 3; count++) expect(await connect(one)).toBe('done')
  await vi.waitFor(async () => expect(await used(two)).toBe(3))
})

test('two servers together let a plugin open as many connections as one alone', async () => {
  expect(await connect(two)).toBe('done')
  expect(await connect(two)).toBe('EDQUOT')
  await vi.waitFor(async () => expect(await used(one)).toBe(4))
  expect(await connect(one)).toBe('EDQUOT')
})

test('a server that is started again goes on with the same account', async () => {
  const three = await one.startReplica()
  expect(await used(three)).toBe(4)
  expect(await connect(three)).toBe('EDQUOT')
  await three.close()
})

test('nothing is lost while the database does not take what a server counted', async () => {
  await one.pool.query('ALTER TABLE tenon.network_use RENAME TO network_use_away')
  expect(await connect(two)).toBe('EDQUOT')
  await vi.waitFor(() => expect(one.log.join('') + two.log.join('')).toContain('network use could not be shared'))
  await one.pool.query('ALTER TABLE tenon.network_use_away RENAME TO network_use')
  expect(await connect(two)).toBe('EDQUOT')
  await vi.waitFor(async () => {
    const { rows } = await one.pool.query<{ refused: string }>('SELECT refused FROM tenon.network_use')
    expect(Number(rows[0]?.refused)).toBe(5)
  })
})
