import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseAllowPrivate } from './egress/index.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

interface Received {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

let it: HostInTest
let server: Server
let url: string
const received: Received[] = []
/** What the receiver answers, by path. */
const statuses = new Map<string, number>()

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const path = request.url ?? ''
      received.push({ path, headers: request.headers, body })
      const status = statuses.get(path) ?? 200
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('secrets of the receiver')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  url = `http://127.0.0.1:${port}`
  it = await startHostInTest({ egress: { allowPrivate: parseAllowPrivate(`127.0.0.1/32:${port}`) } })
  await it.publish(listener)
  await it.api('POST', '/install', { pluginKey: 'listener' })
})
afterAll(async () => {
  await it.close()
  server.closeAllConnections()
  server.close()
})
beforeEach(async () => {
  received.length = 0
  statuses.clear()
  await it.pool.query('DELETE FROM tenon.webhooks; DELETE FROM tenon.outbox')
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })

const listener: TestPlugin = {
  key: 'listener',
  entry: {
    permissions: { events: ['risk.*'] },
    contributes: { events: [{ name: 'risk.*', handler: 'hear' }] },
  },
  files: {
    'index.ts': `
      let heard = 0
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const hear = async () => { heard += 1 }
      export const router = { 'GET /heard': async () => ({ data: heard }) }`,
  },
}

/** Refuses for good what it is told of, unless that asks it not to. */
const refuser: TestPlugin = {
  key: 'refuser',
  entry: {
    displayName: 'Refuser',
    permissions: { events: ['note.*'] },
    contributes: { events: [{ name: 'note.*', handler: 'hear' }] },
  },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const hear = async ({ payload }: any) => {
        if (!payload.take) throw Object.assign(new Error('token_revoked'), { retryable: false })
      }`,
  },
}

const create = async (path = '/hook', events = ['risk.*']) => {
  const answer = await it.api('POST', '/webhooks', { url: `${url}${path}`, events, description: 'for tests' })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  return answer.content as { id: number; secret: string }
}
async function happen(name: string, payload: object = { id: 7 }, organizationId = 1): Promise<string> {
  const { rows } = await it.pool.query<{ event_id: string }>(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES ($1, 'host', $2, $3) RETURNING event_id`,
    [organizationId, name, JSON.stringify(payload)],
  )
  return rows[0]?.event_id ?? ''
}
interface Delivery {
  eventId: string
  state: string
  attempts: number
  lastError: string | null
  log: { status: number | null; error: string | null }[]
}
const deliveriesOf = async (id: number) =>
  ((await it.api('GET', `/webhooks/${id}/deliveries`)).content as { items: Delivery[] }).items
/** What was to be tried again later is tried now. */
const hurry = () =>
  it.pool.query(`UPDATE tenon.event_deliveries SET next_attempt_at = now(); SELECT pg_notify('tenon_outbox', '')`)

describe('a webhook', () => {
  test('is told of the events that it asked for, signed over id, time and raw body', async () => {
    const { secret } = await create()
    const eventId = await happen('risk.created', { id: 7, name: 'Ünïcode' })
    await happen('user.invited')
    await happen('risk.created', {}, 2)
    await until(() => expect(received).toHaveLength(1))
    const [{ headers, body }] = received as [Received]
    expect(JSON.parse(body)).toEqual({
      id: eventId,
      name: 'risk.created',
      occurredAt: expect.stringMatching(/^\d{4}-/) as string,
      source: 'host',
      organizationId: 1,
      payload: { id: 7, name: 'Ünïcode' },
    })
    expect(headers['webhook-id']).toBe(eventId)
    const timestamp = Number(headers['webhook-timestamp'])
    expect(Math.abs(Date.now() / 1_000 - timestamp)).toBeLessThan(10)
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const expected = createHmac('sha256', key).update(`${eventId}.${timestamp}.${body}`).digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${expected}`)
    await new Promise((go) => setTimeout(go, 200))
    expect(received).toHaveLength(1)
  })

  test('shows its secret once, and keeps it sealed', async () => {
    const { id, secret } = await create()
    const shown = [
      await it.api('GET', '/webhooks'),
      await it.api('GET', `/webhooks/${id}`),
      (await it.pool.query('SELECT w::text FROM tenon.webhooks w')).rows,
      it.log,
    ]
    expect(JSON.stringify(shown)).not.toContain(secret.slice(6, 30))
    const renewed = (await it.api('POST', `/webhooks/${id}/secret`)).content as { secret: string }
    expect(renewed.secret).toMatch(/^whsec_.{44}$/)
    expect(renewed.secret).not.toBe(secret)
  })

  test('that fails is tried again, with every attempt in the log, and never holds up a plugin', async () => {
    const { id } = await create('/away')
    statuses.set('/away', 503)
    await happen('risk.created')
    await until(async () =>
      expect(await deliveriesOf(id)).toMatchObject([
        { state: 'waiting', attempts: 1, lastError: 'It answered with status 503.', log: [{ status: 503 }] },
      ]),
    )
    await until(async () => expect((await it.api('GET', '/listener/heard')).content).toBeGreaterThan(0))
    statuses.delete('/away')
    await hurry()
    await until(async () =>
      expect(await deliveriesOf(id)).toMatchObject([
        { state: 'delivered', attempts: 2, log: [{ status: 503 }, { status: 200, error: null }] },
      ]),
    )
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(JSON.stringify(await deliveriesOf(id))).not.toContain('secrets of the receiver')
  })

  test('gets an event again when somebody asks for it', async () => {
    const { id } = await create()
    const eventId = await happen('risk.created')
    await until(async () => expect(await deliveriesOf(id)).toMatchObject([{ state: 'delivered' }]))
    const replay = () => it.api('POST', `/webhooks/${id}/deliveries/${eventId}/replay`)
    expect(await replay()).toMatchObject({ status: 202 })
    await until(() => expect(received).toHaveLength(2))
    expect(received[1]?.headers['webhook-id']).toBe(eventId)
    const other = `/webhooks/${id}/deliveries/00000000-0000-4000-8000-000000000000/replay`
    expect(await it.api('POST', other)).toMatchObject({ status: 404 })
  })

  test('can be tried with a test', async () => {
    const { id } = await create('/test')
    expect((await it.api('POST', `/webhooks/${id}/test`)).content).toMatchObject({ success: true, status: 200 })
    expect(JSON.parse(received[0]?.body ?? '{}')).toMatchObject({ name: 'webhook.test' })
    statuses.set('/test', 302)
    expect((await it.api('POST', `/webhooks/${id}/test`)).content).toMatchObject({ success: false, status: null })
    expect(received.map(({ path }) => path)).not.toContain('/elsewhere')
  })

  test('that says that it is gone is switched off', async () => {
    const { id } = await create('/gone')
    statuses.set('/gone', 410)
    await happen('risk.created')
    await until(async () =>
      expect((await it.api('GET', `/webhooks/${id}`)).content).toMatchObject({
        isActive: false,
        disabledReason: 'It answered that it is gone (410).',
      }),
    )
    const again = await it.api('PATCH', `/webhooks/${id}`, { isActive: true, events: ['*'] })
    expect(again.content).toMatchObject({ isActive: true, disabledReason: null, events: ['*'] })
  })

  test('is for admins of its organization, at most 20 of them, at public addresses', async () => {
    const { id } = await create()
    const stranger = { organizationId: 2 }
    expect((await it.api('GET', '/webhooks', undefined, stranger)).content).toEqual([])
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/test'],
      ['POST', '/secret'],
      ['GET', '/deliveries'],
    ] as const) {
      const body = method === 'PATCH' ? { isActive: false } : undefined
      expect(await it.api(method, `/webhooks/${id}${path}`, body, stranger), path).toMatchObject({ status: 404 })
      expect(await it.api(method, `/webhooks/${id}${path}`, body, { role: 'Editor' })).toMatchObject({ status: 403 })
    }
    const refused = async (address: string) =>
      (await it.api('POST', '/webhooks', { url: address, events: ['*'] })).content
    expect(await refused('http://example.com/hook')).toBe('url: must begin with https://')
    expect(await refused('https://10.0.0.1/hook')).toBe('url: 10.0.0.1 is not a public address')
    expect(await refused('http://127.0.0.1:1/hook')).toBe('url: 127.0.0.1 is not a public address')
    expect(await refused('https://[::1]/hook')).toBe('url: ::1 is not a public address')
    expect(await refused('https://me:secret@example.com/')).toBe('url: must not contain a user name or a password')
    expect(await refused('nowhere')).toBe('url: must be an address such as https://example.com/hook')
    // A name that leads to a private address is found out when something is sent.
    const named = (await it.api('POST', '/webhooks', { url: 'https://localhost:1/', events: ['*'] })).content as {
      id: number
    }
    expect((await it.api('POST', `/webhooks/${named.id}/test`)).content).toMatchObject({
      success: false,
      error: expect.stringContaining('not a public address') as string,
    })
    for (let count = 2; count < 20; count += 1) await create()
    expect(await it.api('POST', '/webhooks', { url: `${url}/x`, events: ['*'] })).toMatchObject({
      status: 409,
      content: 'There are 20 webhooks already. Remove one first.',
    })
    expect(await it.api('DELETE', `/webhooks/${id}`)).toMatchObject({ status: 200 })
    await create()
  })
})

/** Whether this was signed with the secret of its webhook. */
function isSigned({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`
}

describe('a plugin that takes no event any more', () => {
  const alerts = async () => (await it.api('GET', '/alerts')).content
  const bodies = () => received.map(({ body }) => JSON.parse(body) as { name: string })
  const fail = async (count: number) => {
    const before = await failedCount()
    for (let one = 0; one < count; one += 1) await happen('note.written')
    await until(async () => expect(await failedCount()).toBe(before + count))
    // What is told of it is told a moment later.
    await new Promise((go) => setTimeout(go, 200))
  }
  const failedCount = async () =>
    (await it.pool.query("SELECT FROM tenon.event_deliveries WHERE plugin_key = 'refuser' AND state = 'failed'")).rows
      .length
  let id: number
  beforeAll(async () => {
    await it.publish(listener, refuser)
    id = ((await it.api('POST', '/install', { pluginKey: 'refuser' })).content as { id: number }).id
  })
  afterAll(async () => void (await it.api('DELETE', `/installations/${id}`)))

  test('is told of after three that failed in a row, once, and when it takes one again', async () => {
    const { secret } = await create('/alerts', ['plugin.failing', 'plugin.recovered'])
    await fail(2)
    expect(await alerts()).toEqual([])
    await fail(1)
    const error = { kind: 'configuration', message: 'token_revoked' }
    const told = { pluginKey: 'refuser', installationId: id, event: 'note.written', failures: 3, error }
    await until(() => expect(received).toHaveLength(1))
    expect(bodies()).toMatchObject([{ name: 'plugin.failing', source: 'host', payload: told }])
    expect(await alerts()).toMatchObject([
      {
        pluginKey: 'refuser',
        plugin: 'Refuser',
        installationId: id,
        subject: { kind: 'events', event: 'note.written' },
        failures: 3,
        error: { ...error, nextStep: expect.stringContaining('connections') as string },
      },
    ])
    await fail(1)
    expect(received).toHaveLength(1)
    await happen('note.written', { take: true })
    await until(() => expect(received).toHaveLength(2))
    expect(bodies()[1]).toMatchObject({ name: 'plugin.recovered', payload: { pluginKey: 'refuser', failures: 4 } })
    expect(await alerts()).toEqual([])
    expect(received.every((one) => isSigned(one, secret))).toBe(true)
  })

  test('is no longer told of after it was installed anew', async () => {
    await fail(3)
    await until(async () => expect(await alerts()).toHaveLength(1))
    await it.api('DELETE', `/installations/${id}`)
    expect(await alerts()).toEqual([])
    id = ((await it.api('POST', '/install', { pluginKey: 'refuser' })).content as { id: number }).id
    expect(await alerts()).toEqual([])
    await fail(2)
    expect(await alerts()).toEqual([])
  })

  test('is not told to work again by what is dropped while it is disabled', async () => {
    await create('/alerts', ['plugin.*'])
    await fail(1)
    await until(async () => expect(await alerts()).toHaveLength(1))
    await it.api('POST', `/installations/${id}/disable`)
    await it.pool.query(
      `UPDATE tenon.event_deliveries SET state = 'waiting', next_attempt_at = now() WHERE plugin_key = 'refuser';
       NOTIFY tenon_outbox`,
    )
    await until(async () => {
      const { rows } = await it.pool.query(
        "SELECT FROM tenon.event_deliveries WHERE plugin_key = 'refuser' AND state = 'delivered'",
      )
      expect(rows.length).toBeGreaterThan(0)
    })
    await it.api('POST', `/installations/${id}/enable`)
    expect(await alerts()).toHaveLength(1)
    expect(bodies().map(({ name }) => name)).not.toContain('plugin.recovered')
  })

  test('is not told of because a webhook cannot be reached', async () => {
    const { id: webhook } = await create('/away')
    statuses.set('/away', 500)
    for (let count = 0; count < 3; count += 1) await happen('risk.created')
    await until(async () => expect(await deliveriesOf(webhook)).toHaveLength(3))
    await it.pool.query('UPDATE tenon.event_deliveries SET attempts = 5')
    await hurry()
    await until(async () =>
      expect((await deliveriesOf(webhook)).map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']),
    )
    const { rows } = await it.pool.query("SELECT FROM tenon.outbox WHERE name = 'plugin.failing'")
    expect(rows).toEqual([])
  })
})

describe('the events of a plugin', () => {
  test('are in a log, and can be delivered again', async () => {
    const [{ id }] = (await it.api('GET', '/installations')).content as [{ id: number }]
    const eventId = await happen('risk.deleted')
    const list = async () =>
      ((await it.api('GET', `/installations/${id}/deliveries`)).content as { items: Delivery[] }).items
    await until(async () => expect(await list()).toMatchObject([{ eventId, name: 'risk.deleted', state: 'delivered' }]))
    const before = (await it.api('GET', '/listener/heard')).content as number
    expect(await it.api('POST', `/installations/${id}/deliveries/${eventId}/replay`)).toMatchObject({ status: 202 })
    await until(async () => expect((await it.api('GET', '/listener/heard')).content).toBe(before + 1))
    expect(
      await it.api('POST', `/installations/${id}/deliveries/${eventId}/replay`, undefined, { role: 'Editor' }),
    ).toMatchObject({ status: 403 })
  })
})
