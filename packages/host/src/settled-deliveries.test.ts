import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { parseHostMap } from './egress/index.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

let it: HostInTest
let service: Server
let id: number
/** What the service was sent, by account, with the process that sent it. */
const posts: { account: string; sender: string }[] = []
/** What it answers, by account. */
const statuses = new Map<string, number>()

/** Posts each event to two accounts of a service, and says which have had it when one refuses. */
const teller: TestPlugin = {
  key: 'teller',
  entry: {
    permissions: { events: ['note.*'], network: { hosts: ['service.example:80'], reason: 'tells it' } },
    contributes: { events: [{ name: 'note.*', handler: 'onNote' }] },
  },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      const sender = String(Math.random())
      const post = async (account: string) =>
        (await fetch('http://service.example/' + account, { method: 'POST', body: sender })).status
      export async function onNote({ name, payload, settled = [] }: any) {
        if (payload.later && name === 'note.answered')
          return { success: false, message: 'later', retryAfterMs: payload.later }
        if (payload.later) throw Object.assign(new Error('later'), { retryAfterMs: payload.later })
        if (payload.fill) throw Object.assign(new Error('full'), { settled: 'x'.repeat(payload.fill) })
        const statuses: number[] = []
        const reached = [...settled]
        for (const account of ['one', 'two'].filter((account) => !settled.includes(account))) {
          const status = await post(account)
          if (status === 200) reached.push(account)
          else statuses.push(status)
        }
        if (statuses.length === 0) return
        const said = { retryable: statuses.some((status) => status !== 403), settled: reached }
        if (name === 'note.answered') return { success: false, message: 'refused', ...said }
        throw Object.assign(new Error('refused'), said)
      }`,
  },
}

beforeAll(async () => {
  service = createServer((request, response) => {
    let sender = ''
    request.on('data', (piece) => (sender += String(piece)))
    request.on('end', () => {
      const account = request.url?.slice(1) ?? ''
      posts.push({ account, sender })
      response.writeHead(statuses.get(account) ?? 200).end()
    })
  }).listen(0, '127.0.0.1')
  await once(service, 'listening')
  const { port } = service.address() as AddressInfo
  it = await startHostInTest({
    egress: { hostMap: parseHostMap(`service.example:80=127.0.0.1:${port}`) },
    limits: { runtime: { idleStopMs: 200 } },
  })
  await it.publish(teller)
  const answer = await it.api('POST', '/install', { pluginKey: 'teller' })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  id = (answer.content as { id: number }).id
})
afterAll(async () => {
  await it.close()
  service.closeAllConnections()
  service.close()
})
beforeEach(async () => {
  posts.length = 0
  statuses.clear()
  await it.pool.query('DELETE FROM tenon.outbox')
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })

async function happen(name: string, payload: object = {}): Promise<void> {
  await it.pool.query(`INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (1, 'host', $1, $2)`, [
    name,
    JSON.stringify(payload),
  ])
}

interface Delivery {
  eventId: string
  state: string
  attempts: number
  lastError: string | null
}

async function onlyDelivery(): Promise<Delivery | undefined> {
  const { items } = (await it.api('GET', `/installations/${id}/deliveries`)).content as { items: Delivery[] }
  return items[0]
}

/** What was to be tried again later is tried now, and by another process. */
async function hurryInAnotherProcess(): Promise<void> {
  await until(async () => {
    expect((await it.api('GET', `/installations/${id}/health`)).content).toMatchObject({ processes: [] })
  })
  await it.pool.query(
    `UPDATE tenon.event_deliveries SET next_attempt_at = now(), last_error = NULL; NOTIFY tenon_outbox`,
  )
}

test.each(['note.thrown', 'note.answered'])(
  'who had %s does not get it again, also from another process, because somebody else refuses',
  async (name) => {
    const waiting = { state: 'waiting', lastError: 'refused' }
    statuses.set('two', 503)
    await happen(name)
    await until(async () => expect(await onlyDelivery()).toMatchObject({ ...waiting, attempts: 1 }))
    await hurryInAnotherProcess()
    await until(async () => expect(await onlyDelivery()).toMatchObject({ ...waiting, attempts: 2 }))
    statuses.clear()
    await hurryInAnotherProcess()
    await until(async () => expect(await onlyDelivery()).toMatchObject({ state: 'delivered', attempts: 3 }))
    expect(posts.map(({ account }) => account)).toEqual(['one', 'two', 'two', 'two'])
    expect(new Set(posts.map(({ sender }) => sender)).size).toBe(3)
  },
)

test.each(['note.thrown', 'note.answered'])(
  '%s that is refused for good is tried once, and a person can have it delivered to who has not had it',
  async (name) => {
    statuses.set('two', 403)
    await happen(name)
    await until(async () =>
      expect(await onlyDelivery()).toMatchObject({ state: 'failed', attempts: 1, lastError: 'refused' }),
    )
    statuses.clear()
    const replay = async () =>
      it.api('POST', `/installations/${id}/deliveries/${(await onlyDelivery())?.eventId}/replay`)
    expect(await replay()).toMatchObject({ status: 202 })
    await until(async () => expect(await onlyDelivery()).toMatchObject({ state: 'delivered', attempts: 1 }))
    expect(posts.map(({ account }) => account)).toEqual(['one', 'two', 'two'])
    // What all have had is for all when it is delivered again.
    expect(await replay()).toMatchObject({ status: 202 })
    await until(() => expect(posts.slice(3).map(({ account }) => account)).toEqual(['one', 'two']))
  },
)

/** Seconds until it is delivered again, and what it counts until then. */
async function whenNext(): Promise<{ seconds: number; state: string; attempts: number }> {
  const { rows } = await it.pool.query(
    `SELECT extract(epoch FROM next_attempt_at - now())::integer AS seconds, state, attempts
     FROM tenon.event_deliveries WHERE last_error IS NOT NULL`,
  )
  expect(rows).toHaveLength(1)
  return rows[0] as Awaited<ReturnType<typeof whenNext>>
}

test.each(['note.thrown', 'note.answered'])(
  '%s that the service wants later is delivered then, however often',
  async (name) => {
    await happen(name, { later: 3_600_000 })
    const first = await until(whenNext)
    expect(first).toMatchObject({ state: 'waiting', attempts: 1 })
    expect(first.seconds).toBeGreaterThan(3_500)
    expect(first.seconds).toBeLessThanOrEqual(3_600)
    await it.pool.query('UPDATE tenon.event_deliveries SET attempts = 5, last_error = NULL, next_attempt_at = now()')
    await it.pool.query('NOTIFY tenon_outbox')
    expect(await until(whenNext)).toMatchObject({ state: 'waiting', attempts: 6 })
  },
)

test.each([
  ['sooner than it would be', 1, 1, 5],
  ['much later than in a day', 1e12, 86_000, 86_400],
])('an event that a service wants %s is put off within bounds', async (_when, later, least, most) => {
  await happen('note.thrown', { later })
  const { seconds } = await until(whenNext)
  expect(seconds).toBeGreaterThanOrEqual(least)
  expect(seconds).toBeLessThanOrEqual(most)
})

test('an event that was put off for a day is given up as any other', async () => {
  await it.pool.query(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload, created_at)
     VALUES (1, 'host', 'note.thrown', '{"later": 60000}', now() - interval '25 hours')`,
  )
  expect(await until(whenNext)).toMatchObject({ state: 'waiting', attempts: 1 })
  await it.pool.query('UPDATE tenon.event_deliveries SET attempts = 5, last_error = NULL, next_attempt_at = now()')
  await it.pool.query('NOTIFY tenon_outbox')
  expect(await until(whenNext)).toMatchObject({ state: 'failed', attempts: 6 })
})

test.each([
  // As JSON, in quotes.
  [8_000 - 2, true],
  [8_001 - 2, false],
])('of what a handler says is settled, %i characters are kept: %s', async (fill, isKept) => {
  await happen('note.thrown', { fill })
  await until(async () => expect(await onlyDelivery()).toMatchObject({ state: 'waiting', lastError: 'full' }))
  const { rows } = await it.pool.query<{ settled: string | null }>('SELECT settled FROM tenon.event_deliveries')
  expect(rows).toEqual([{ settled: isKept ? 'x'.repeat(fill) : null }])
})
