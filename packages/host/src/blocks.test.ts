import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createBlocks, type BlockTarget } from './operator/blocks.js'
import {
  startHostInTest,
  type ApiAnswer,
  type HostInTest,
  type Replica,
  type TestPlugin,
} from './testing/host-in-test.js'

let it: HostInTest
let two: Replica
const operator = { isOperator: true, role: 'Reviewer', organizationId: 2 } as const

const plugin = (key: string): TestPlugin => ({
  key,
  entry: {
    permissions: { database: { tenantSchema: true }, events: ['thing.*'] },
    contributes: {
      events: [{ name: 'thing.*', handler: 'onThing' }],
      actions: [{ id: 'work', title: 'Work', route: 'POST /work' }],
    },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      export const onThing = async () => undefined
      export const router = {
        'GET /hello': async () => ({ data: '${key}' }),
        'POST /work': async () => { console.log('works on ${key}'); await new Promise((go) => setTimeout(go, 20_000)) },
        'GET /long': async () => { await new Promise((go) => setTimeout(go, 20_000)) },
      }`,
  },
})

beforeAll(async () => {
  // One job on each server: two of them are on two servers.
  it = await startHostInTest({ limits: { jobs: { workers: 1, pollMs: 100 } } })
  await it.publish(plugin('bad'), plugin('good'), plugin('coded'))
  two = await it.startReplica()
})
afterAll(async () => {
  await two.close()
  await it.close()
})

const install = async (pluginKey: string) =>
  (await it.api('POST', '/install', { pluginKey })).content as { id: number; digest: string }
const processes = async (of: Replica) => (await of.host.health()).processes
const block = (body: object) => it.api('POST', '/blocks', body, operator)

test('blocking is for operators alone', async () => {
  for (const [method, path, body] of [
    ['GET', '/blocks', undefined],
    ['POST', '/blocks', { pluginKey: 'bad', reason: 'x' }],
    ['DELETE', '/blocks/1', undefined],
  ] as const) {
    expect(await it.api(method, path, body)).toMatchObject({ status: 403, body: { code: 'OPERATOR_ONLY' } })
  }
  expect(await block({ reason: 'x' })).toMatchObject({ status: 400 })
  expect(await block({ pluginKey: 'bad', digest: 'a'.repeat(64), reason: 'x' })).toMatchObject({ status: 400 })
  expect(await block({ pluginKey: 'bad', reason: ' ' })).toMatchObject({ status: 400 })
})

test('a blocked plugin stops on every replica, is not called, not installed, and everybody is told why', async () => {
  await install('bad')
  await install('good')
  for (const replica of [it, two]) {
    for (const key of ['bad', 'good'])
      expect(await replica.api('GET', `/${key}/hello`)).toMatchObject({ status: 200, content: key })
    expect(await processes(replica)).toBe(2)
  }
  const cut = two.api('GET', '/bad/long')
  await new Promise((go) => setTimeout(go, 100))

  const blocked = await block({ pluginKey: 'bad', reason: 'steals data' })
  expect(blocked).toMatchObject({ status: 201, content: { pluginKey: 'bad', digest: null, blockedBy: 2 } })
  await vi.waitFor(async () => expect([await processes(it), await processes(two)]).toEqual([1, 1]), { timeout: 5_000 })
  expect((await cut).status).toBe(403)

  const told = { status: 403, content: 'bad is blocked by the operator of this installation: steals data' }
  for (const replica of [it, two]) {
    expect(await replica.api('GET', '/bad/hello')).toMatchObject({ ...told, body: { code: 'PLUGIN_BLOCKED' } })
    expect(await replica.api('GET', '/good/hello')).toMatchObject({ status: 200 })
  }
  expect(await it.api('POST', '/install', { pluginKey: 'bad' }, { organizationId: 2 })).toMatchObject(told)
  expect((await it.api('GET', '/marketplace/bad')).content).toMatchObject({
    installable: false,
    blocked: { reason: 'steals data' },
    refusals: ['is blocked by the operator: steals data'],
  })
  const [{ id } = { id: 0 }] = (
    (await it.api('GET', '/installations')).content as { id: number; pluginKey: string }[]
  ).filter(({ pluginKey }) => pluginKey === 'bad')
  expect((await it.api('GET', `/installations/${id}/health`)).content).toMatchObject({
    state: 'blocked',
    summary: 'Blocked by the operator: steals data',
  })
  expect((await it.api('GET', '/blocks', undefined, operator)).content).toMatchObject([{ reason: 'steals data' }])
})

test('what is blocked can be removed all the same', async () => {
  const rows = (await it.api('GET', '/installations')).content as { id: number; pluginKey: string }[]
  const id = rows.find(({ pluginKey }) => pluginKey === 'bad')?.id
  expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
})

test('a lifted block is gone on every replica, and both are in the audit', async () => {
  const [{ id } = { id: 0 }] = (await it.api('GET', '/blocks', undefined, operator)).content as { id: number }[]
  expect(await it.api('DELETE', `/blocks/${id}`, undefined, operator)).toMatchObject({ status: 200 })
  expect(await it.api('DELETE', `/blocks/${id}`, undefined, operator)).toMatchObject({ status: 404 })
  expect(await two.api('POST', '/install', { pluginKey: 'bad' })).toMatchObject({ status: 201 })
  const { rows } = await it.pool.query(
    `SELECT action, user_id, plugin_key, details FROM tenon.audit WHERE action LIKE '%block' ORDER BY seq`,
  )
  expect(rows).toMatchObject([
    { action: 'block', user_id: 2, plugin_key: 'bad', details: { reason: 'steals data' } },
    { action: 'unblock', user_id: 2, plugin_key: 'bad' },
  ])
})

test('exact code is blocked under whatever key it comes', async () => {
  const { rows } = await it.pool.query<{ digest: string }>(
    `SELECT details -> 'after' ->> 'digest' AS digest FROM tenon.audit WHERE action = 'install' AND plugin_key = 'good'`,
  )
  const digest = rows[0]?.digest ?? ''
  const answer = await block({ digest, reason: 'known hole' })
  expect(answer).toMatchObject({ status: 201 })
  expect(await it.api('GET', '/good/hello')).toMatchObject({ status: 403, body: { code: 'PLUGIN_BLOCKED' } })
  expect(await it.api('GET', '/bad/hello')).toMatchObject({ status: 200 })
  const installed = await it.api('POST', '/install', { pluginKey: 'good' }, { organizationId: 2 })
  expect(installed).toMatchObject({ status: 403, content: expect.stringContaining('known hole') as string })
  await it.api('DELETE', `/blocks/${(answer.content as { id: number }).id}`, undefined, operator)
})

test('exact code that works on every replica, for a call and for a run, stops on each, and the runs say why', async () => {
  const inBoth = [1, 2].map((organizationId) => ({ organizationId }))
  const installed: { id: number; digest: string }[] = []
  for (const who of inBoth) {
    const answer = await it.api('POST', '/install', { pluginKey: 'coded' }, who)
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    installed.push(answer.content as { id: number; digest: string })
  }
  const running = inBoth.map((who) => it.api('POST', '/coded/work', {}, who))
  for (const replica of [it, two]) {
    expect(await replica.api('GET', '/coded/hello')).toMatchObject({ status: 200 })
    expect(await replica.api('GET', '/good/hello')).toMatchObject({ status: 200 })
    await vi.waitFor(() => expect(replica.log.join('')).toContain('works on coded'), { timeout: 10_000 })
  }
  const lanesOn = async (replica: Replica) => {
    const healths = inBoth.map((who, index) =>
      replica.api('GET', `/installations/${installed[index]?.id}/health`, undefined, who),
    )
    const processesOf = ({ content }: ApiAnswer) => (content as { processes: { lane: string }[] }).processes
    return (await Promise.all(healths)).flatMap(processesOf).map(({ lane }) => lane)
  }
  for (const replica of [it, two]) expect(new Set(await lanesOn(replica))).toEqual(new Set(['page', 'job']))

  const answer = await block({ digest: installed[0]?.digest, reason: 'known hole' })
  expect(answer).toMatchObject({ status: 201 })
  for (const replica of [it, two])
    await vi.waitFor(async () => expect(await lanesOn(replica)).toEqual([]), { timeout: 5_000 })
  for (const end of await Promise.all(running))
    expect(end).toMatchObject({
      status: 403,
      body: { code: 'PLUGIN_BLOCKED' },
      content: 'coded is blocked by the operator of this installation: known hole',
    })
  for (const [index, who] of inBoth.entries()) {
    const runs = await two.api('GET', `/installations/${installed[index]?.id}/runs?action=work`, undefined, who)
    expect(runs.content).toMatchObject({
      items: [
        {
          state: 'failed',
          attempts: 1,
          error: {
            code: 'PLUGIN_BLOCKED',
            kind: 'configuration',
            message: expect.stringContaining('known hole') as string,
            nextStep: expect.stringContaining('Ask the operator') as string,
          },
        },
      ],
    })
    for (const replica of [it, two])
      expect(await replica.api('GET', '/coded/hello', undefined, who)).toMatchObject({
        status: 403,
        body: { code: 'PLUGIN_BLOCKED' },
      })
  }
  await it.host.createTenant(3)
  for (const replica of [it, two]) {
    const refused = await replica.api('POST', '/install', { pluginKey: 'coded' }, { organizationId: 3 })
    expect(refused).toMatchObject({ status: 403, body: { code: 'PLUGIN_BLOCKED' } })
    expect(await replica.api('GET', '/good/hello')).toMatchObject({ status: 200 })
  }
})

test('a block whose notification got lost is found by looking', async () => {
  const stopped: BlockTarget[] = []
  const blocks = createBlocks({
    pool: it.pool,
    notifications: { subscribe: () => undefined },
    stopRunning: async (target) => void stopped.push(target),
    log: () => undefined,
    pollMs: 20,
  })
  blocks.start()
  await it.pool.query(`INSERT INTO tenon.blocks (plugin_key, reason, blocked_by) VALUES ('other', 'x', 1)`)
  await vi.waitFor(() => expect(blocks.find({ pluginKey: 'other' })).toMatchObject({ reason: 'x' }))
  expect(stopped).toContainEqual({ pluginKey: 'other' })
  await blocks.stop()
})
