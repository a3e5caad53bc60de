import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Identity } from '../identity.js'
import { startHostInTest, type HostInTest, type Replica } from '../testing/host-in-test.js'

const often = 20
const admin: Identity = { userId: 1, organizationId: 1, role: 'Admin' }

/** Who a request comes from, now. */
let whoReads: () => Identity | undefined
const options = { authenticate: () => whoReads() }

let it: HostInTest
let hurried: Replica
beforeAll(async () => {
  whoReads = () => admin
  it = await startHostInTest(options)
  hurried = await it.startReplica({ ...options, limits: { requests: { streamRecheckMs: often } } })
})
afterAll(async () => {
  await hurried.close()
  await it.close()
})

let leave: AbortController
beforeEach(() => {
  leave = new AbortController()
  whoReads = () => admin
})
afterEach(() => leave.abort())

/** Opens the stream of an organization. @returns whether it ends within so many milliseconds, as a promise */
async function open({ url }: Replica) {
  const response = await fetch(`${url}/api/plugins/events`, { signal: leave.signal })
  expect(response.status).toBe(200)
  const ended = response.text().then(
    () => 'ended',
    () => 'left',
  )
  return { within: (ms: number) => Promise.race([ended, sleep(ms, 'open')]) }
}

test('a stream ends when its reader has signed out, and is not opened again', async () => {
  const stream = await open(hurried)
  expect(await stream.within(10 * often)).toBe('open')
  whoReads = () => undefined
  expect(await stream.within(30_000)).toBe('ended')
  expect((await fetch(`${hurried.url}/api/plugins/events`)).status).toBe(401)
})

test.each<[string, Identity]>([
  ['has another role', { ...admin, role: 'Auditor' }],
  ['is another person', { ...admin, userId: 2 }],
  ['is of another organization', { ...admin, organizationId: 2 }],
  ['is the operator now', { ...admin, isOperator: true }],
])('a stream ends when its reader %s', async (_what, now) => {
  const stream = await open(hurried)
  whoReads = () => now
  expect(await stream.within(30_000)).toBe('ended')
})

test('a stream goes on while nobody can say who reads', async () => {
  const stream = await open(hurried)
  let asked = 0
  whoReads = () => {
    asked += 1
    throw new Error('The database is away')
  }
  await expect.poll(() => asked).toBeGreaterThan(3)
  expect(await stream.within(often)).toBe('open')
})

test('is asked of again every streamRecheckMs, and not before', async () => {
  const [soon, late] = [await open(hurried), await open(it)]
  whoReads = () => undefined
  expect(await soon.within(30_000)).toBe('ended')
  expect(await late.within(10 * often)).toBe('open')
})
