import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const crasher = (version: string): TestPlugin => ({
  key: 'crasher',
  entry: { version },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const update = install
      export const metadata = {}
      export const router = {
        'GET /say': () => ({ data: '${version}' }),
        'POST /crash': () => { process.exit(3) },
      }`,
  },
})

/** Two hosts on one database, as behind a load balancer. */
let one: HostInTest
let two: Replica
beforeAll(async () => {
  one = await startHostInTest({ limits: { runtime: { backoffMs: 1 } } })
  await one.publish(crasher('1.0.0'))
  two = await one.startReplica()
})
afterAll(async () => {
  await two.close()
  await one.close()
})

let id: number

type Server = Pick<Replica, 'api'>
const until = (what: () => unknown) => vi.waitFor(what, { timeout: 45_000, interval: 30 })
const say = (server: Server) => server.api('GET', '/crasher/say')
const crash = async (server: Server) =>
  expect(await server.api('POST', '/crasher/crash', {})).toMatchObject({ body: { code: 'PLUGIN_EXITED' } })
const paused = { status: 503, body: { code: 'PLUGIN_CRASH_LOOP' } }
const isPausedAt = (server: Server) => until(async () => expect(await say(server)).toMatchObject(paused))
const answersAt = (server: Server, content = '1.0.0') =>
  until(async () => expect(await say(server)).toMatchObject({ status: 200, content }))

async function publish(version: string): Promise<void> {
  await one.publish(crasher(version))
  await two.host.refreshMarketplace()
}
async function install(): Promise<void> {
  const answer = await one.api('POST', '/install', { pluginKey: 'crasher' })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  id = (answer.content as { id: number }).id
}
const crashesKept = async () =>
  (await one.pool.query<{ crashes: number }>('SELECT cardinality(crashed_at) AS crashes FROM tenon.crash_accounts'))
    .rows[0]?.crashes

/** They go on with one another: each begins where the one before left the plugin. */
test('crashes at two servers together pause a plugin at both, as three at one do', async () => {
  await install()
  await crash(one)
  await crash(two)
  await until(async () => expect(await crashesKept()).toBe(2))
  await answersAt(one)
  await crash(two)
  expect(await say(two)).toMatchObject(paused)
  await isPausedAt(one)
  for (const server of [one, two]) {
    const { content } = await server.api('GET', `/installations/${id}/health`)
    expect(content).toMatchObject({
      state: 'crash_loop',
      since: expect.any(String) as string,
      restartAfter: expect.any(String) as string,
    })
  }
})

test('a server that is started again knows of the pause', async () => {
  const three = await one.startReplica()
  expect(await say(three)).toMatchObject(paused)
  await three.close()
})

test('a person who ends the pause at one server ends it at all of them', async () => {
  await two.api('POST', `/installations/${id}/disable`)
  await two.api('POST', `/installations/${id}/enable`)
  await answersAt(two)
  await answersAt(one)
  await crash(one)
  await answersAt(one)
  await until(async () => expect(await crashesKept()).toBe(1))
})

test('each server protects itself while the database does not take its crashes, and tells them later', async () => {
  await one.pool.query('ALTER TABLE tenon.crash_accounts RENAME TO crash_accounts_away')
  await crash(one)
  await answersAt(one)
  await crash(one)
  expect(await say(one)).toMatchObject(paused)
  await answersAt(two)
  await until(() => expect(one.log.join('')).toContain('crashes could not be shared'))
  await one.pool.query('ALTER TABLE tenon.crash_accounts_away RENAME TO crash_accounts')
  await isPausedAt(two)
  expect(await say(one)).toMatchObject(paused)
})

test('a new version is tried at every server', async () => {
  await publish('2.0.0')
  const answer = await two.api('POST', `/installations/${id}/update`, { version: '2.0.0' })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
  await answersAt(two, '2.0.0')
  await answersAt(one, '2.0.0')
  expect(await crashesKept()).toBe(0)
})

test('a plugin that was removed and installed again is not paused for what it did before', async () => {
  for (let crashes = 1; crashes <= 3; crashes++) await crash(one)
  await isPausedAt(two)
  expect(await two.api('DELETE', `/installations/${id}?data=keep`)).toMatchObject({ status: 200 })
  expect(await crashesKept()).toBeUndefined()
  await install()
  await answersAt(one, '2.0.0')
  await answersAt(two, '2.0.0')
})
