import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseHostMap } from './egress/index.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const leaver: TestPlugin = {
  key: 'leaver',
  entry: { permissions: { network: { hosts: ['service.example:8080'] } } },
  files: {
    'index.ts': `
      import { get } from 'node:http'
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      const connect = () => new Promise((resolve) =>
        get('http://service.example:8080/', { agent: false }, (answer) => answer.resume().on('end', () => resolve('done')))
          .on('error', (error: any) => resolve(error.code)))
      export const router = {
        'POST /leave-traces': async () => {
          console.log('a line')
          return { data: await connect() }
        },
        'POST /crash': () => { process.exit(3) },
      }`,
  },
}

/** Everything that is kept of what a plugin does. */
const tables = ['plugin_logs', 'plugin_calls', 'permission_uses', 'process_ends', 'network_use', 'crash_accounts']
const longAfter = 600_000

let service: Server
let one: HostInTest
beforeAll(async () => {
  service = createServer((_request, response) => response.end('ok'))
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const { port } = service.address() as AddressInfo
  one = await startHostInTest({
    grantable: { allowUndeclared: true },
    egress: { hostMap: parseHostMap(`service.example:8080=127.0.0.1:${port}`) },
  })
  await one.publish(leaver)
})
afterAll(async () => {
  await one.close()
  service.close()
})

const kept = async (table: string) =>
  (await one.pool.query(`SELECT FROM tenon.${table} WHERE plugin_key = 'leaver'`)).rowCount

test.each(['erase', 'keep'])('what a server tells late of a plugin that is gone is not kept: data=%s', async (data) => {
  const { content } = await one.api('POST', '/install', { pluginKey: 'leaver' })
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

  const { id } = content as { id: number }
  expect(await one.api('DELETE', `/installations/${id}?data=${data}`)).toMatchObject({ status: 200 })
  const before = Object.fromEntries(await Promise.all(tables.map(async (table) => [table, await kept(table)] as const)))
  await two.close()
  for (const table of tables) expect(await kept(table), table).toBe(before[table])
  if (data === 'erase') expect(Object.values(before)).toEqual(tables.map(() => 0))
})
