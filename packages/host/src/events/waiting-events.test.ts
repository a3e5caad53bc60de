import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from '../testing/host-in-test.js'

let it: HostInTest
const publisher: TestPlugin = {
  key: 'publisher',
  entry: { contributes: { publishes: ['thing.happened'] } },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      const attempt = async (work: () => Promise<unknown>) => {
        try { await work(); return { data: 'published' } } catch (error: any) { return { data: { code: error.code ?? error.parent?.code, message: error.message } } }
      }
      export const router = {
        'POST /publish': ({ publish }: any) => attempt(() => publish('thing.happened', {})),
        'POST /flood': ({ sequelize }: any) => attempt(() =>
          sequelize.query("SELECT tenon_api.publish('thing.happened', '{}') FROM generate_series(1, 20000)")),
      }`,
  },
}

beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(publisher)
  for (const organizationId of [1, 2]) await it.api('POST', '/install', { pluginKey: 'publisher' }, { organizationId })
})
beforeEach(() => it.pool.query('DELETE FROM tenon.outbox'))
afterAll(() => it.close())

const publish = async (organizationId = 1) =>
  (await it.api('POST', '/publisher/publish', undefined, { organizationId })).content

/** One event that many handlers have not taken yet, and will not for a while. */
const waiting = (count: number) =>
  it.pool.query(
    `WITH event AS (INSERT INTO tenon.outbox (organization_id, source, name, payload, dispatched_at)
       VALUES (1, 'app', 'thing.happened', '{}', now()) RETURNING event_id)
     INSERT INTO tenon.event_deliveries (event_id, organization_id, plugin_key, handler, next_attempt_at)
     SELECT event_id, 1, 'publisher', 'handler-' || n, now() + interval '1 hour' FROM event, generate_series(1, $1::integer) n`,
    [count],
  )

test('an organization may have so many events waiting, and not one more; others go on', async () => {
  await waiting(10_000 - 1)
  expect(await publish()).toBe('published')
  await waiting(1)
  expect(await publish()).toMatchObject({
    code: 'EVENTS_WAITING',
    message: expect.stringContaining('More than 10000 events') as string,
  })
  expect(await publish(2)).toBe('published')
  await it.pool.query('DELETE FROM tenon.outbox')
  expect(await publish()).toBe('published')
})

test('one statement cannot publish more than that either', async () => {
  const answer = await it.api('POST', '/publisher/flood')
  expect(answer.content).toMatchObject({ code: '53400' })
  expect((await it.pool.query('SELECT FROM tenon.outbox')).rowCount).toBe(0)
})

test('what the application announces is never refused', async () => {
  await waiting(10_000)
  const announced = it.pool.query(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (1, 'app', 'thing.happened', '{}')`,
  )
  await expect(announced).resolves.toMatchObject({ rowCount: 1 })
})
