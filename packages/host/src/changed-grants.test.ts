import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const holder: TestPlugin = {
  key: 'holder',
  entry: { permissions: { environment: ['HOLDER_KEY'], schedule: true }, contributes: { configuration: {} } },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      const born = Math.random()
      const slow = async () => {
        await new Promise((go) => setTimeout(go, 600))
        return { data: process.env.HOLDER_KEY ?? 'none' }
      }
      export const router = {
        'GET /process': () => ({ data: { born, key: process.env.HOLDER_KEY ?? 'none' } }),
        'GET /slow': slow,
        'POST /slow': slow,
      }`,
  },
}

let one: HostInTest
let two: Replica
let id: number
beforeAll(async () => {
  vi.stubEnv('HOLDER_KEY', 'value-of-the-operator')
  one = await startHostInTest({ grantable: { environment: { holder: ['HOLDER_KEY'] } } })
  await one.publish(holder)
  two = await one.startReplica()
  id = ((await one.api('POST', '/install', { pluginKey: 'holder' })).content as { id: number }).id
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await two.close()
  await one.close()
})

const grant = async (permissions: string[]) => {
  expect(await one.api('PUT', `/installations/${id}/permissions`, { permissions })).toMatchObject({ status: 200 })
}
/** Something about the installation changes, which every server is told. */
const configure = () => one.api('PUT', `/installations/${id}/configuration`, { configuration: {} })
const processes = async ({ host }: Pick<Replica, 'host'>) => (await host.health()).processes
const processOf = async ({ api }: Pick<Replica, 'api'>) =>
  (await api('GET', '/holder/process')).content as { born: number; key: string }

test('a process that was started under the new grants is not ended by the next change of its installation', async () => {
  const three = await one.startReplica({ limits: { runtime: { idleStopMs: 400, memoryPollMs: 100 } } })
  await processOf(three)
  await configure()
  await vi.waitFor(async () => expect(await processes(three)).toBe(0), { timeout: 10_000 })
  await grant(['schedule'])
  await processOf(three)
  const slow = three.api('POST', '/holder/slow')
  await sleep(100)
  await configure()
  expect(await slow).toMatchObject({ status: 200, content: 'none' })
  await grant(['schedule', 'environment:HOLDER_KEY'])
  await three.close()
})

test('a process of another server that holds what is granted no longer ends at once', async () => {
  expect(await processOf(two)).toMatchObject({ key: 'value-of-the-operator' })
  expect(await processes(two)).toBe(1)
  await grant(['schedule'])
  await vi.waitFor(async () => expect(await processes(two)).toBe(0))
  expect(await processOf(two)).toMatchObject({ key: 'none' })
})

test('a request that was under way is not done once more with what is no longer granted', async () => {
  await grant(['schedule', 'environment:HOLDER_KEY'])
  const slow = one.api('GET', '/holder/slow')
  await sleep(200)
  await grant(['schedule'])
  expect(await slow).toMatchObject({ status: 503, body: { code: 'PLUGIN_RESTARTED' } })
  expect((await one.api('GET', '/holder/slow')).content).toBe('none')
})

test('a call under the new grants never goes to a process of the earlier ones, told of the change or not', async () => {
  const before = await processOf(two)
  await one.pool.query(
    `UPDATE "a4ayc80OGd".plugin_installations SET grants = '["environment:HOLDER_KEY"]' WHERE id = $1`,
    [id],
  )
  await vi.waitFor(async () => expect((await processOf(two)).key).toBe('value-of-the-operator'), { timeout: 10_000 })
  expect((await processOf(two)).born).not.toBe(before.born)
})
