import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const holder: TestPlugin = {
  key: 'holder',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: {
      actions: [
        { id: 'work', title: 'Work', route: 'POST /work' },
        { id: 'more-work', title: 'More work', route: 'POST /more-work' },
      ],
    },
  },
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE things (id integer PRIMARY KEY, what text)')
        await sequelize.query("INSERT INTO things VALUES (1, 'a')")
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      let release: (() => void)[] = []
      const released = () => new Promise<void>((go) => release.push(go))
      const change = "UPDATE things SET what = 'b' WHERE id = 1"
      export const router = {
        'POST /hold': async ({ sequelize }: any) => {
          await sequelize.transaction(async (transaction: any) => {
            await sequelize.query(change, { transaction })
            await released()
          })
          return { data: 'held' }
        },
        'POST /wait-for-row': async ({ sequelize }: any) => { await sequelize.query(change); return { data: 'changed' } },
        'POST /idle': async () => { await released(); return { data: 'idled' } },
        'POST /say': async ({ body }: any) => { for (let line = 0; line < body.lines; line++) console.log('line', line); return { data: 'said' } },
        'POST /keep': async ({ file }: any) => ({ data: file.size }),
        'POST /release': async () => { for (const go of release.splice(0)) go(); return { data: 'released' } },
        'POST /work': async ({ signal }: any) => { while (!signal.aborted) await new Promise((go) => setTimeout(go, 20)); return { data: {} } },
        'POST /more-work': async () => ({ data: {} }),
      }`,
  },
}

interface Budget {
  name: string
  used: number
  limit: number
  unit: string
}

let it: HostInTest
let id: number
beforeAll(async () => {
  it = await startHostInTest({
    limits: {
      runtime: { maxCallsPerPlugin: 3, maxQueuedPerPlugin: 20 },
      tenancy: { maxConnectionsPerRole: 4, statementTimeoutMs: 25_000, lockTimeoutMs: 25_000, lockPatienceMs: 60_000 },
      jobs: { runningPerOrganization: 1, queuedPerOrganization: 30, pollMs: 100 },
      records: { keptLines: 40 },
      uploads: { maxHeldBytes: 60_000_000 },
    },
  })
  await it.publish(holder)
  const { content } = await it.api('POST', '/install', { pluginKey: 'holder' })
  id = (content as { id: number }).id
})
afterAll(() => it.close())

const post = (path: string, body: unknown = {}) => it.api('POST', `/holder${path}`, body)
async function budget(name: string, organizationId = 1, installation = id): Promise<Budget | undefined> {
  const { content } = await it.api('GET', `/installations/${installation}/health`, undefined, {
    role: 'Reviewer',
    organizationId,
  })
  return (content as { budgets: Budget[] }).budgets.find((one) => one.name === name)
}
const until = (look: () => Promise<void>) => vi.waitFor(look, { timeout: 45_000, interval: 50 })
const shows = (name: string, used: number, limit: number, unit: string) =>
  until(async () => expect(await budget(name)).toEqual({ name, used, limit, unit }))

test('what a plugin holds of the database, and its calls that wait, show while they do', async () => {
  await shows('database connections in use', 0, 4, 'connections')
  await shows('time of its longest statement', 0, 25, 'seconds')
  const held = post('/hold')
  await shows('database connections in use', 1, 4, 'connections')
  const waiting = post('/wait-for-row')
  await shows('database connections in use', 2, 4, 'connections')
  await until(async () => expect((await budget('time of its longest statement'))?.used).toBeGreaterThan(0.2))
  expect(await budget('time of its longest statement')).toMatchObject({ limit: 25, unit: 'seconds' })
  const idle = post('/idle')
  await shows('calls at work', 3, 3, 'calls')
  const queued = [post('/release'), post('/say', { lines: 0 })]
  await shows('calls waiting for their turn', 2, 20, 'calls')
  // Nothing of it is another plugin's, or another organization's.
  const other = (await it.api('POST', '/install', { pluginKey: 'holder' }, { organizationId: 2 })).content
  const otherId = (other as { id: number }).id
  for (const name of ['database connections in use', 'calls at work', 'calls waiting for their turn'])
    expect(await budget(name, 2, otherId)).toMatchObject({ used: 0 })
  await it.api('POST', `/installations/${id}/disable`)
  await Promise.all([held, waiting, idle, ...queued])
  await it.api('POST', `/installations/${id}/enable`)
  await shows('calls waiting for their turn', 0, 20, 'calls')
  await shows('database connections in use', 0, 4, 'connections')
})

test('lines of its log that are kept show, up to as many as may be', async () => {
  expect(await post('/say', { lines: 7 })).toMatchObject({ status: 200 })
  await shows('lines kept of its log', 7, 40, 'lines')
  expect(await post('/say', { lines: 100 })).toMatchObject({ status: 200 })
  await shows('lines kept of its log', 40, 40, 'lines')
})

test('runs of the organization show, those at work and those that wait', async () => {
  await shows('runs of the organization at work', 0, 1, 'runs')
  const run = async (action: string) => {
    const headers = { 'x-test-user': 'Admin:1:1:s', prefer: 'respond-async' }
    const response = await fetch(`${it.url}/api/plugins/holder/${action}`, { method: 'POST', headers })
    return ((await response.json()) as { data: { runId: string } }).data.runId
  }
  const atWork = await run('work')
  await shows('runs of the organization at work', 1, 1, 'runs')
  await run('more-work')
  await shows('runs of the organization that wait', 1, 30, 'runs')
  await it.api('POST', `/runs/${atWork}/cancel`)
  await shows('runs of the organization that wait', 0, 30, 'runs')
  await shows('runs of the organization at work', 0, 1, 'runs')
})

test('files that are kept for the plugins of the organization show', async () => {
  await shows('files kept for the organization', 0, 60_000_000, 'bytes')
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(1_234_567)]), 'rows.csv')
  const headers = { 'x-test-user': 'Editor:1:1:s' }
  const response = await fetch(`${it.url}/api/plugins/holder/keep`, { method: 'POST', body: form, headers })
  expect(response.status).toBe(200)
  await shows('files kept for the organization', 1_234_567, 60_000_000, 'bytes')
})
