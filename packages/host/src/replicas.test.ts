import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const schema = getTenantHash(1)
const claimMs = 1_000

/** Two hosts on one database, as behind a load balancer. */
let one: HostInTest
let two: Replica
beforeAll(async () => {
  one = await startHostInTest({ limits: { claimMs } })
  await one.publish(patient, configurable, plain, listener)
  two = await one.startReplica()
})
afterAll(async () => {
  await two.close()
  await one.close()
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })

const uninstallAndRest = (rest = '') => `
  export async function uninstall(userId: number, tenantId: string, context: any) { return { success: true } }
  export const metadata = {}
  ${rest}`

/** Its install() takes as long as nobody adds a project with the name "go". */
const patient: TestPlugin = {
  key: 'patient',
  entry: { permissions: { database: { tenantSchema: true, tables: { projects: ['select'] } } } },
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE patience (id serial PRIMARY KEY)')
        const count = () => sequelize.query("SELECT FROM projects WHERE project_title = 'go'")
        while ((await count())[1].rowCount === 0) await new Promise((go) => setTimeout(go, 20))
        return { success: true }
      }
      ${uninstallAndRest()}`,
  },
}
const configurable: TestPlugin = {
  key: 'configurable',
  files: {
    'index.ts': `
      const pause = () => new Promise((go) => setTimeout(go, 200))
      export async function install() { return { success: true } }
      export async function configure() { await pause(); return { success: true } }
      export async function uninstall() { await pause(); return { success: true } }
      export const metadata = {}`,
  },
}
const plain: TestPlugin = {
  key: 'plain',
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE plain (id serial PRIMARY KEY)')
        return { success: true }
      }
      ${uninstallAndRest(`
        export const router = { 'GET /rows': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT * FROM plain'))[0] }) }`)}`,
  },
}
const listener: TestPlugin = {
  key: 'listener',
  entry: {
    permissions: { database: { tenantSchema: true }, events: ['thing.*'] },
    contributes: { events: [{ name: 'thing.happened', handler: 'onThing' }] },
  },
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE heard (event text, payload jsonb)')
        return { success: true }
      }
      export async function onThing(event: any, { sequelize }: any) {
        await sequelize.query('INSERT INTO heard VALUES (:id, :payload)', { replacements: { id: event.id, payload: JSON.stringify(event.payload) } })
      }
      ${uninstallAndRest(`
        export const router = { 'GET /heard': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT * FROM heard'))[0] }) }`)}`,
  },
}

const install = (from: Pick<Replica, 'api'>, pluginKey: string) => from.api('POST', '/install', { pluginKey })
const idOf = (answer: { content: unknown }) => (answer.content as { id: number }).id

async function go(): Promise<void> {
  await one.pool.query(`INSERT INTO "${schema}".projects (project_title) VALUES ('go')`)
}
async function stop(): Promise<void> {
  await one.pool.query(`DELETE FROM "${schema}".projects`)
}

test('an installation that takes longer than a claim lives is not taken from a server that is alive', async () => {
  const installed = install(one, 'patient')
  await until(async () =>
    expect((await two.api('GET', '/installations')).content).toMatchObject([{ status: 'installing' }]),
  )
  expect(await install(two, 'patient')).toMatchObject({ status: 409, body: { code: 'INSTALLATION_BUSY' } })
  await new Promise((resolve) => setTimeout(resolve, 2 * claimMs))
  await go()
  const answer = await installed
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201, content: { status: 'installed' } })
  expect(JSON.stringify([one.log, two.log])).not.toContain('recovering')
  expect(await two.api('DELETE', `/installations/${idOf(answer)}`)).toMatchObject({ status: 200 })
  await stop()
})

test('a server whose claim was taken over commits nothing', async () => {
  const installed = install(one, 'patient')
  await until(async () =>
    expect((await two.api('GET', '/installations')).content).toMatchObject([{ status: 'installing' }]),
  )
  await one.pool.query(`UPDATE "${schema}".plugin_installations SET claimed_by = gen_random_uuid()`)
  await go()
  expect(await installed).toMatchObject({ status: 503, body: { code: 'INTERRUPTED' } })
  await until(async () =>
    expect((await two.api('GET', '/installations')).content).toMatchObject([{ status: 'failed' }]),
  )
  const left = await one.pool.query(
    "SELECT FROM pg_tables WHERE tablename = 'patience' UNION ALL SELECT FROM tenon.plugin_roles WHERE owner_key = 'patient'",
  )
  expect(left.rowCount).toBe(0)
  const again = await install(two, 'patient')
  expect(again, JSON.stringify(again.body)).toMatchObject({ status: 201 })
  await two.api('DELETE', `/installations/${idOf(again)}`)
  await stop()
})

test('of an uninstallation and a configuration at the same time one wins, and the other is told so', async () => {
  for (let round = 0; round < 3; round += 1) {
    const id = idOf(await install(one, 'configurable'))
    const answers = await Promise.all([
      one.api('DELETE', `/installations/${id}`),
      two.api('PUT', `/installations/${id}/configuration`, { configuration: { round } }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    expect(answers.find(({ status }) => status === 409)?.body['code']).toBe('INSTALLATION_BUSY')
    if (answers[0].status === 409)
      expect(await one.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
  }
})

test('a plugin that one server removed and installed again answers at the other', async () => {
  const first = idOf(await install(one, 'plain'))
  expect(await two.api('GET', '/plain/rows')).toMatchObject({ status: 200, content: [] })
  expect(await one.api('DELETE', `/installations/${first}`)).toMatchObject({ status: 200 })
  // Each is told by the other in a moment.
  const answers = (expected: { status: number; content?: unknown }) =>
    until(async () => expect(await two.api('GET', '/plain/rows')).toMatchObject(expected))
  await answers({ status: 404 })
  const second = idOf(await install(one, 'plain'))
  await answers({ status: 200, content: [] })
  await two.api('DELETE', `/installations/${second}`)
})

test('each event is delivered once, whoever delivers it', async () => {
  const id = idOf(await install(one, 'listener'))
  await one.pool.query(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload)
     SELECT 1, 'host', 'thing.happened', jsonb_build_object('n', n) FROM generate_series(1, 40) n`,
  )
  const heard = async () =>
    (await two.api('GET', '/listener/heard')).content as { event: string; payload: { n: number } }[]
  const all = await until(async () => {
    const events = await heard()
    expect(Array.isArray(events) && events.length >= 40, JSON.stringify(events)).toBe(true)
    return events
  })
  const numbers = all.map(({ payload }) => payload.n).sort((a, b) => a - b)
  expect(numbers).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
  await one.api('DELETE', `/installations/${id}`)
})
