import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'
import {
  asksForService,
  connectCode,
  lifecycleCode,
  type OutsideService,
  startOutsideService,
} from './testing/outside-service.js'

const leaver: TestPlugin = {
  key: 'leaver',
  entry: asksForService,
  files: {
    'index.ts': `
      ${connectCode}
      ${lifecycleCode}
      let calls = 0
      export const router = {
        'POST /leave-traces': async () => {
          calls++
          console.log('a line')
          return { data: await connect() }
        },
        'POST /crash': () => { process.exit(3) },
        // Those that its process has answered.
        'GET /calls': () => ({ data: ++calls }),
      }`,
  },
}

/** Everything that is kept of what a plugin does. */
const tables = ['plugin_logs', 'plugin_calls', 'permission_uses', 'process_ends', 'network_use', 'crash_accounts']
const longAfter = 600_000

let service: OutsideService
let one: HostInTest
beforeAll(async () => {
  service = await startOutsideService()
  one = await startHostInTest(service.options)
  await one.publish(leaver)
})
afterAll(async () => {
  await one.close()
  service.close()
})

const kept = async (table: string) =>
  (await one.pool.query(`SELECT FROM tenon.${table} WHERE plugin_key = 'leaver'`)).rowCount

/** Another server that has used the plugin, and has told hardly anything of it yet. */
async function useElsewhere(): Promise<Replica> {
  const two = await one.startReplica({
    limits: { records: { writeEveryMs: longAfter }, runtime: { egressShareMs: longAfter, backoffMs: 1 } },
  })
  await one.pool.query('ALTER TABLE tenon.crash_accounts RENAME TO crash_accounts_away')
  expect(await two.api('POST', '/leaver/crash', {})).toMatchObject({ body: { code: 'PLUGIN_EXITED' } })
  await vi.waitFor(() => expect(two.log.join('')).toContain('crashes could not be shared'))
  expect(await two.api('POST', '/leaver/leave-traces', {})).toMatchObject({ content: 'done' })
  // The first of a window is told at once; the next ones wait.
  await vi.waitFor(async () => expect(await kept('network_use')).toBe(1))
  expect(await two.api('POST', '/leaver/leave-traces', {})).toMatchObject({ content: 'done' })
  await one.pool.query('ALTER TABLE tenon.crash_accounts_away RENAME TO crash_accounts')
  return two
}

test.each(['erase', 'keep'])('what a server tells late of a plugin that is gone is not kept: data=%s', async (data) => {
  const id = await one.install('leaver')
  const two = await useElsewhere()
  expect(await one.api('DELETE', `/installations/${id}?data=${data}`)).toMatchObject({ status: 200 })
  const before = Object.fromEntries(await Promise.all(tables.map(async (table) => [table, await kept(table)] as const)))
  await two.close()
  for (const table of tables) expect(await kept(table), table).toBe(before[table])
  if (data === 'erase') expect(Object.values(before)).toEqual(tables.map(() => 0))
})

test('what a server tells late of an installation is not kept of the one that came after it', async () => {
  const first = await one.install('leaver')
  const two = await useElsewhere()
  expect(await one.api('DELETE', `/installations/${first}?data=erase`)).toMatchObject({ status: 200 })
  const second = await one.install('leaver')
  expect(await two.api('GET', '/leaver/calls')).toMatchObject({ content: 1 })
  await two.close()
  const { content } = await one.api('GET', `/installations/${second}/logs`)
  expect(content).toMatchObject({ items: [] })
  const { content: health } = await one.api('GET', `/installations/${second}/health`)
  expect(health).toMatchObject({ crashes: [] })
  expect(await kept('process_ends')).toBe(1)
})
