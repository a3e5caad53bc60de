import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(publisher, subscriber)
  for (const pluginKey of ['publisher', 'subscriber']) {
    const answer = await it.api('POST', '/install', { pluginKey })
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    ids.set(pluginKey, (answer.content as { id: number }).id)
  }
})
afterAll(() => it.close())
const ids = new Map<string, number>()

const lifecycle = (install = '') => `
  export async function install(userId: number, tenantId: string, config: any, context: any) { ${install} return { success: true } }
  export async function uninstall() { return { success: true } }
  export const metadata = {}`

const publisher: TestPlugin = {
  key: 'publisher',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: { publishes: ['note.written'] },
  },
  files: {
    'index.ts': `
      ${lifecycle()}
      const write = "SELECT tenon_api.publish('note.written', CAST(:payload AS jsonb))"
      const publish = (sequelize: any, text: string, transaction?: any) =>
        sequelize.query(write, { replacements: { payload: JSON.stringify({ text }) }, transaction })
      export async function configure(userId: number, tenantId: string, config: any, context: any) {
        await context.publish('note.written', { text: config.text })
        return config.refuse ? { success: false, message: 'no' } : { success: true }
      }
      export const router = {
        'POST /write': async ({ sequelize, body }: any) => {
          const transaction = await sequelize.transaction()
          await publish(sequelize, body.text, transaction)
          await (body.keep ? transaction.commit() : transaction.rollback())
          return {}
        },
        'POST /forge': async ({ sequelize }: any) => {
          await sequelize.query("SELECT tenon_api.publish('user.invited', '{}')")
          return {}
        },
        'POST /large': async ({ sequelize }: any) => { await publish(sequelize, 'x'.repeat(70_000)); return {} },
      }`,
  },
}
const subscriber: TestPlugin = {
  key: 'subscriber',
  entry: {
    permissions: { database: { tenantSchema: true }, events: ['note.*'] },
    contributes: { events: [{ name: 'note.written', handler: 'onNote', routingType: 'Notes' }] },
  },
  files: {
    'index.ts': `
      ${lifecycle("await context.sequelize.query('CREATE TABLE heard (event text, source text, routing text, text text)');")}
      export async function onNote(event: any, { sequelize }: any) {
        const { id, source, routingType, payload } = event
        const heard = await sequelize.query('SELECT FROM heard WHERE event = :id', { replacements: { id } })
        await sequelize.query('INSERT INTO heard VALUES (:id, :source, :routing, :text)', {
          replacements: { id, source, routing: routingType, text: payload.text } })
        if (payload.text === 'nul') throw new Error('no\\0 way')
        if (payload.text === 'never' || (payload.text === 'later' && heard[1].rowCount === 0)) throw new Error('not now')
      }
      export const router = {
        'GET /heard': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT * FROM heard ORDER BY text'))[0] }),
      }`,
  },
}

const hanging: TestPlugin = {
  key: 'hanging',
  entry: {
    permissions: { database: { tenantSchema: true }, events: ['note.*'] },
    contributes: { events: [{ name: 'note.written', handler: 'onNote' }] },
  },
  files: { 'index.ts': `${lifecycle()}; export const onNote = () => new Promise(() => {})` },
}

interface Heard {
  event: string
  source: string
  routing: string
  text: string
}

const heard = async () => (await it.api('GET', '/subscriber/heard')).content as Heard[]
const textsHeard = async () => (await heard()).map(({ text }) => text)
const write = (text: string, keep = true) => it.api('POST', '/publisher/write', { text, keep })
const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })

async function deliveryOf(text: string) {
  const { rows } = await it.pool.query<{ state: string; attempts: number; last_error: string | null }>(
    `SELECT d.state, d.attempts, d.last_error FROM tenon.event_deliveries d JOIN tenon.outbox o USING (event_id)
     WHERE o.payload ->> 'text' = $1`,
    [text],
  )
  return rows[0]
}

/** The next attempt comes after seconds to minutes. */
async function letTimePass(): Promise<void> {
  await it.pool.query(
    `UPDATE tenon.event_deliveries SET next_attempt_at = now(), last_error = NULL WHERE state = 'waiting';
     NOTIFY tenon_outbox`,
  )
}

test('an event joins the transaction of the plugin that publishes it', async () => {
  expect(await write('dropped', false)).toMatchObject({ status: 200 })
  expect(await write('kept')).toMatchObject({ status: 200 })
  await until(async () => expect(await textsHeard()).toEqual(['kept']))
  expect(await heard()).toMatchObject([{ source: 'publisher', routing: 'Notes' }])
})

test('an event of a configuration that is refused never happened', async () => {
  const configure = (configuration: object) =>
    it.api('PUT', `/installations/${ids.get('publisher')}/configuration`, { configuration })
  expect(await configure({ text: 'refused', refuse: true })).toMatchObject({ status: 422 })
  expect(await configure({ text: 'saved' })).toMatchObject({ status: 200 })
  await until(async () => expect(await textsHeard()).toEqual(['kept', 'saved']))
})

test('a plugin publishes only what it declared, and only so much', async () => {
  expect((await it.api('POST', '/publisher/forge')).content).toContain('did not declare')
  expect((await it.api('POST', '/publisher/large')).content).toContain('64 kB')
  const { rows } = await it.pool.query("SELECT FROM tenon.outbox WHERE name = 'user.invited'")
  expect(rows).toEqual([])
})

test('another organization hears nothing of it', async () => {
  await it.api('POST', '/install', { pluginKey: 'subscriber' }, { organizationId: 2 })
  await write('ours')
  await until(async () => expect(await textsHeard()).toContain('ours'))
  const theirs = await it.api('GET', '/subscriber/heard', undefined, { organizationId: 2 })
  expect(theirs).toMatchObject({ status: 200, content: [] })
})

test('a subscriber that fails gets the same event again', async () => {
  await write('later')
  await until(async () =>
    expect(await deliveryOf('later')).toMatchObject({ state: 'waiting', attempts: 1, last_error: 'not now' }),
  )
  await letTimePass()
  await until(async () => expect(await deliveryOf('later')).toMatchObject({ state: 'delivered', attempts: 2 }))
  const tries = (await heard()).filter(({ text }) => text === 'later')
  expect(tries).toHaveLength(2)
  expect(tries[0]?.event).toBe(tries[1]?.event)
})

test('a subscriber that goes on failing is given up after six attempts', async () => {
  await write('never')
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    await until(async () =>
      expect(await deliveryOf('never')).toMatchObject({ attempts: attempt, last_error: 'not now' }),
    )
    await letTimePass()
  }
  await until(async () => expect(await deliveryOf('never')).toMatchObject({ state: 'failed', attempts: 6 }))
})

test('what a subscriber says is kept without what Postgres has no place for', async () => {
  await write('nul')
  await until(async () =>
    expect(await deliveryOf('nul')).toMatchObject({ state: 'waiting', attempts: 1, last_error: 'no way' }),
  )
})

test('a subscriber that hangs holds up nobody else', async () => {
  await it.publish(hanging)
  const installed = await it.api('POST', '/install', { pluginKey: 'hanging' })
  await it.api('POST', '/install', { pluginKey: 'publisher' }, { organizationId: 2 })
  for (let count = 0; count < 24; count += 1) await write('hang')
  await it.api('POST', '/publisher/write', { text: 'theirs', keep: true }, { organizationId: 2 })
  await write('ours too')
  await until(async () => expect(await deliveryOf('theirs')).toMatchObject({ state: 'delivered' }))
  await until(async () => expect(await textsHeard()).toContain('ours too'))
  const { rows } = await it.pool.query(
    "SELECT FROM tenon.event_deliveries WHERE plugin_key = 'hanging' AND state = 'waiting' AND attempts > 0",
  )
  expect(rows).toHaveLength(1)
  await it.api('DELETE', `/installations/${(installed.content as { id: number }).id}`)
})

test('an event of an organization that is being removed does not hold up the others', async () => {
  await it.pool.query(`
    UPDATE tenon.tenants SET state = 'removing' WHERE organization_id = 2;
    INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (2, 'host', 'note.written', '{"text": "gone"}')`)
  await write('still')
  await until(async () => expect(await textsHeard()).toContain('still'))
  expect(await deliveryOf('gone')).toBeUndefined()
})

test('what waits for a plugin that was uninstalled meanwhile is dropped', async () => {
  await it.api('POST', `/installations/${ids.get('subscriber')}/disable`)
  await it.api('POST', `/installations/${ids.get('subscriber')}/enable`)
  await it.pool.query('DELETE FROM tenon.event_deliveries; DELETE FROM tenon.outbox')
  await write('never')
  await until(async () => expect(await deliveryOf('never')).toMatchObject({ state: 'waiting', last_error: 'not now' }))
  expect(await it.api('DELETE', `/installations/${ids.get('subscriber')}`)).toMatchObject({ status: 200 })
  await letTimePass()
  await until(async () => expect(await deliveryOf('never')).toMatchObject({ state: 'delivered', attempts: 2 }))
})
