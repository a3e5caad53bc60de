import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'
import { asksForService, lifecycleCode } from './testing/outside-service.js'

const ender: TestPlugin = {
  key: 'ender',
  entry: asksForService,
  files: {
    'index.ts': `
      ${lifecycleCode}
      let hoard: unknown
      export const router = {
        'GET /say': () => ({ data: 'hello' }),
        'POST /crash': () => { process.exit(3) },
        'POST /abort': () => { process.abort() },
        'POST /wait': () => new Promise(() => {}),
        'POST /spin': () => { for (;;); },
        'POST /fill': () => { hoard = Buffer.alloc(400_000_000, 1); return new Promise(() => {}) },
      }`,
  },
}

let one: HostInTest
let id: number
beforeAll(async () => {
  one = await startHostInTest({ limits: { runtime: { backoffMs: 1, maxCrashes: 100, graceMs: 50 } } })
  await one.publish(ender)
  id = await one.install('ender')
})
afterAll(() => one.close())

interface End {
  at: string
  crashed: boolean
  reason: string
  cause: string
  exitCode: number | null
  signal: string | null
}
const healthAt = async (server: Pick<Replica, 'api'>) =>
  (await server.api('GET', `/installations/${id}/health`)).content as { ends: End[]; restarts: number; crashes: End[] }
/** What is there as soon as it is no more than before. */
const endAfter = (before: readonly End[]) =>
  vi.waitFor(
    async () => {
      const { ends } = await healthAt(one)
      expect(ends.length).toBeGreaterThan(before.length)
      return ends[0]
    },
    { timeout: 10_000, interval: 50 },
  )
const say = async (server: Pick<Replica, 'api'>) =>
  expect(await server.api('GET', '/ender/say')).toMatchObject({ content: 'hello' })

/** Goes away when there is no answer after a moment. */
const ask = (route: string) =>
  fetch(`${one.url}/api/plugins/ender/${route}`, {
    method: 'POST',
    headers: { 'x-test-user': 'Admin' },
    signal: AbortSignal.timeout(1_000),
  }).catch(() => undefined)

test.each<[route: string, expected: Partial<End>]>([
  ['crash', { crashed: true, reason: 'crash', cause: 'it ended itself with code 3', exitCode: 3, signal: null }],
  ['abort', { crashed: true, reason: 'crash' }],
  ['wait', { crashed: false, reason: 'deadline', cause: 'a call of it went on after it was cancelled' }],
  ['spin', { crashed: true, reason: 'unresponsive', cause: 'it stopped answering' }],
])('the end of a process that is told to %s is kept with its reason', async (route, expected) => {
  const { ends } = await healthAt(one)
  await say(one)
  await ask(route)
  expect(await endAfter(ends)).toMatchObject({ at: expect.any(String) as string, ...expected })
})

test('an end that a person asked for says what for', async () => {
  await say(one)
  const before = await healthAt(one)
  await one.api('PUT', `/installations/${id}/permissions`, { permissions: [] })
  expect(await endAfter(before.ends)).toMatchObject({
    crashed: false,
    reason: 'changed',
    cause: 'it may do something else now',
  })
  await say(one)
  const later = await healthAt(one)
  await one.api('POST', `/installations/${id}/disable`)
  const disabled = { crashed: false, reason: 'stopped', cause: 'it was disabled' }
  expect(await endAfter(later.ends)).toMatchObject(disabled)
  await one.api('POST', `/installations/${id}/enable`)

  const two = await one.startReplica()
  await say(two)
  const last = await healthAt(one)
  await one.api('POST', `/installations/${id}/disable`)
  await vi.waitFor(() => expect(two.log.join('')).toContain('plugin process ended'))
  await two.close()
  expect(await endAfter(last.ends)).toMatchObject(disabled)
  await one.api('POST', `/installations/${id}/enable`)
})

test.each<[reason: string, limits: object, cause: RegExp]>([
  ['idle', { idleStopMs: 1 }, /^it had nothing to do$/],
  ['recycled', { recycleRssBytes: 1 }, /^it had grown to \d+ MB of memory$/],
  ['memory', { maxRssBytes: 300_000_000 }, /^it used \d+ MB of memory$/],
  ['host-stop', {}, /^the host is stopping$/],
])('an end at another server is known of here: %s', async (reason, limits, cause) => {
  const { ends } = await healthAt(one)
  const two = await one.startReplica({ limits: { runtime: { ...limits, warmRunners: 0 } } })
  await (reason === 'memory' ? two.api('POST', '/ender/fill', {}) : two.api('GET', '/ender/say'))
  if (reason !== 'host-stop')
    await vi.waitFor(() => expect(two.log.join('')).toMatch(/plugin process (ended|crashed)/), { timeout: 10_000 })
  await two.close()
  expect(await endAfter(ends)).toMatchObject({
    reason,
    crashed: reason === 'memory',
    cause: expect.stringMatching(cause) as string,
  })
})

test('a server that is started again knows the history, and counts each end once', async () => {
  const { ends, restarts, crashes } = await healthAt(one)
  const three = await one.startReplica()
  expect(await healthAt(three)).toMatchObject({ ends, restarts, crashes })
  expect(ends.map(({ reason }) => reason).toReversed()).toEqual([
    ...[
      'crash',
      'crash',
      'deadline',
      'unresponsive',
      'changed',
      'stopped',
      'stopped',
      'idle',
      'recycled',
      'memory',
      'host-stop',
    ],
  ])
  expect(crashes).toEqual(ends.filter(({ crashed }) => crashed))
  await three.close()
})
