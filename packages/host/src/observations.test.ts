import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

let it: HostInTest
let two: Replica
let id: number
const secret = 'canary-in-the-configuration'

const talker: TestPlugin = {
  key: 'talker',
  entry: {
    contributes: { configuration: { type: 'object', properties: { token: { type: 'string', writeOnly: true } } } },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = async () => ({ success: true })
      export const metadata = {}
      export const router = {
        'GET /say': async ({ query, log }: any) => { log[query.level ?? 'info'](query.text); return { data: 'said' } },
        'GET /later': async ({ configuration }: any) => {
          const token = configuration.token
          setTimeout(() => console.log('after the call: ' + token + ' ' + Buffer.from('user:' + token).toString('base64')), 30)
          return { data: 'later' }
        },
        'GET /fail': async () => { throw new Error('no') },
        'GET /crash': async () => { process.exit(3) },
      }`,
  },
}

/** One with a role of its own, and one that shares its role with others that declare nothing. */
const keepers: TestPlugin[] = [
  { key: 'keeper', entry: { permissions: { database: { tenantSchema: true } } } },
  { key: 'old-keeper', entry: {} },
].map(({ key, entry }) => ({
  key,
  entry,
  files: {
    'index.ts': `
      const table = (tenantId: string) => '"' + tenantId + '".${key.replace('-', '_')}_notes'
      export async function install(_user: number, tenantId: string, _config: unknown, { sequelize }: any) {
        await sequelize.query('CREATE TABLE ' + table(tenantId) + ' (id integer)')
        await sequelize.query('INSERT INTO ' + table(tenantId) + ' SELECT generate_series(1, 3)')
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      let letGo: (() => void) | undefined
      export const router = {
        'POST /hold': ({ sequelize, tenantId }: any) => sequelize.transaction(async (transaction: any) => {
          await sequelize.query('ALTER TABLE ' + table(tenantId) + ' ADD COLUMN more text', { transaction })
          await new Promise<void>((go) => (letGo = go))
          return { data: 'held' }
        }),
        'GET /is-held': () => ({ data: letGo !== undefined }),
        'POST /let-go': () => {
          letGo?.()
          return { data: 'let go' }
        },
      }`,
  },
}))

beforeAll(async () => {
  it = await startHostInTest({ limits: { records: { writeEveryMs: 30, tailEveryMs: 30 }, runtime: { backoffMs: 10 } } })
  await it.publish(talker)
  two = await it.startReplica()
  id = ((await it.api('POST', '/install', { pluginKey: 'talker' })).content as { id: number }).id
  await it.api('PUT', `/installations/${id}/configuration`, { configuration: { token: secret } })
})
afterAll(async () => {
  await it.close()
})

interface Lines {
  items: { id: number; text: string; level: string }[]
  total: number
}
const logs = async (query = '', from: Pick<Replica, 'api'> = it) =>
  (await from.api('GET', `/installations/${id}/logs${query}`)).content as Lines
const say = (text: string, level = 'info', from: Pick<Replica, 'api'> = it) =>
  from.api('GET', `/talker/say?text=${text}&level=${level}`)

describe('the tables of an installation', () => {
  test('are named and counted before they are erased', { timeout: 90_000 }, async () => {
    await it.publish(...keepers)
    const paths = await Promise.all(
      keepers.map(async ({ key }) => {
        const installed = (await it.api('POST', '/install', { pluginKey: key })).content as { id: number }
        return `/installations/${installed.id}/tables`
      }),
    )
    const seen = () => Promise.all(paths.map(async (path) => (await it.api('GET', path)).content))
    const expected = ['keeper_notes', 'old_keeper_notes'].map((name) => [{ name, rows: 3 }])
    // The database tells what a session did when that has had nothing to do for ten seconds.
    await vi.waitFor(async () => expect(await seen()).toEqual(expected), { timeout: 60_000, interval: 200 })
    const [path = ''] = paths
    const holding = it.api('POST', '/keeper/hold')
    await vi.waitFor(async () => expect((await it.api('GET', '/keeper/is-held')).content).toBe(true))
    const asked = await Promise.all(Array.from({ length: 200 }, () => it.api('GET', path)))
    expect(asked.every(({ status }) => status === 200)).toBe(true)
    await it.api('POST', '/keeper/let-go')
    expect(await holding).toMatchObject({ status: 200 })
    expect(await it.api('GET', path, undefined, { role: 'Reviewer' })).toMatchObject({ status: 403 })
    await it.api('DELETE', path.replace('/tables', ''))
    expect(await it.api('GET', path)).toMatchObject({ status: 404 })
  })
})

describe('the log of an installation', () => {
  test('is found by level, text, time and page, on every replica', async () => {
    await say('one')
    await say('two', 'error')
    await vi.waitFor(async () => expect((await logs('', two)).total).toBe(2))
    expect((await logs('?level=warn')).items).toMatchObject([{ text: 'two', level: 'error' }])
    expect((await logs('?text=ONE')).items).toMatchObject([{ text: 'one', level: 'info' }])
    expect((await logs('?page=2&pageSize=1')).items).toMatchObject([{ text: 'one' }])
    const { items } = await logs()
    expect((await logs(`?before=${items[0]?.id}&pageSize=1000`)).items).toEqual(items.slice(1))
    expect((await logs('?since=2100-01-01T00:00:00Z')).total).toBe(0)
    expect(await it.api('GET', `/installations/${id}/logs?level=loud`)).toMatchObject({ status: 400 })
  })

  test('hides secrets in what a process prints between calls, in base64 too', async () => {
    await it.api('GET', '/talker/later')
    const found = await vi.waitFor(async () => {
      const { items } = await logs('?text=after%20the%20call')
      expect(items).toHaveLength(1)
      return items[0]?.text
    })
    expect(found).toMatch(/^after the call: \[hidden\] \S*\[hidden\]\S*$/)
    expect(it.log.join('')).not.toContain(secret)
  })

  test('is for editors and admins of the organization', async () => {
    const path = `/installations/${id}/logs`
    expect(await it.api('GET', path, undefined, { role: 'Reviewer' })).toMatchObject({ status: 403 })
    expect(await it.api('GET', path, undefined, { role: 'Editor' })).toMatchObject({ status: 200 })
    for (const what of ['logs', 'logs/stream', 'activity', 'health', 'permissions']) {
      const answer = await it.api('GET', `/installations/${id}/${what}`, undefined, { organizationId: 2 })
      expect(answer, what).toMatchObject({ status: 404, body: { code: 'INSTALLATION_NOT_FOUND' } })
    }
  })

  test('can be followed over another replica, from a line on, and ends with the server', async () => {
    const third = await it.startReplica()
    const lastId = (await logs()).items[0]?.id
    const response = await fetch(`${third.url}/api/plugins/installations/${id}/logs/stream`, {
      headers: { 'x-test-user': 'Editor:1:1', 'last-event-id': String(lastId) },
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    expect(response.headers.get('cache-control')).toContain('no-store')
    await say('live', 'warn')
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    let text = ''
    while (!text.includes('"live"')) text += Buffer.from((await reader.read()).value ?? []).toString()
    expect(text).toMatch(/id: \d+\nevent: line\ndata: \{.*"level":"warn","text":"live"\}\n\n/)
    expect(text).not.toContain('"two"')
    await third.close()
  })
})

test('the activity says who did what and when, with secrets masked, page by page', async () => {
  const read = async (query: string) =>
    (await it.api('GET', `/installations/${id}/activity${query}`, undefined, { role: 'Reviewer' })).content as {
      items: Record<string, unknown>[]
      total: number
    }
  const { items, total } = await read('?pageSize=1')
  expect(total).toBe(2)
  expect(items).toMatchObject([
    { userId: 1, action: 'configure', outcome: 'done', after: { token: { $secret: true } }, before: {} },
  ])
  expect((await read('?page=2&pageSize=1')).items).toMatchObject([{ action: 'install', after: { version: '1.0.0' } }])
})

test('the activity of the organization is that of all its plugins, for its own members', async () => {
  const read = async (organizationId: number) =>
    (await it.api('GET', '/activity?pageSize=100', undefined, { role: 'Auditor', organizationId })).content as {
      items: { pluginKey: string; action: string }[]
      total: number
    }
  const { items, total } = await read(1)
  expect(items).toHaveLength(total)
  expect(items).toContainEqual(expect.objectContaining({ pluginKey: 'talker', action: 'install' }))
  expect((await read(2)).items).not.toContainEqual(expect.objectContaining({ pluginKey: 'talker' }))
})

describe('the health of an installation', () => {
  const health = async () =>
    (await it.api('GET', `/installations/${id}/health`, undefined, { role: 'Reviewer' })).content as Record<
      string,
      unknown
    > & { calls: Record<string, number>; crashes: { cause: string }[] }

  test('counts calls and errors of every replica, and shows what is used of the budgets', async () => {
    const before = (await health()).calls['calls'] ?? 0
    await say('a')
    expect(await it.api('GET', '/talker/fail')).toMatchObject({ status: 422 })
    const now = await health()
    expect(now).toMatchObject({ state: 'running', summary: 'Works', next: null })
    expect(now.calls['calls']).toBeGreaterThanOrEqual(before + 2)
    expect(now.calls['errors']).toBeGreaterThanOrEqual(1)
    expect(now.calls['p95Ms']).toBeGreaterThan(0)
    const hours = now['hours'] as { calls: number }[]
    expect(hours).toHaveLength(24)
    expect(hours.reduce((sum, { calls }) => sum + calls, 0)).toBe(now.calls['calls'])
    const budgets = now['budgets'] as { name: string; used: number; limit: number; unit: string }[]
    expect(budgets.map(({ name, unit }) => `${name}, ${unit}`)).toEqual([
      'calls at work, calls',
      'calls waiting for their turn, calls',
      'memory of one process, bytes',
      'open connections of one process, connections',
      'data exchanged with the outside within 60 minutes, bytes',
      'connections to the outside within 60 minutes, connections',
      'database connections in use, connections',
      'time of its longest statement, seconds',
      'lines kept of its log, lines',
      'runs of the organization at work, runs',
      'runs of the organization that wait, runs',
      'files kept for the organization, bytes',
    ])
    expect(budgets.every(({ used, limit }) => used >= 0 && limit > used)).toBe(true)
    expect(budgets.find(({ name }) => name.startsWith('memory'))?.used).toBeGreaterThan(10_000_000)
  })

  test('names the crashes with their causes, and what to do when there are too many', async () => {
    for (let crash = 0; crash < 3; crash++) await it.api('GET', '/talker/crash')
    await vi.waitFor(async () => expect((await health()).state).toBe('crash_loop'))
    const now = await health()
    expect(now.crashes).toHaveLength(3)
    expect(now.crashes[0]).toMatchObject({ crashed: true, cause: 'it ended itself with code 3' })
    expect(now['summary']).toContain('it ended itself with code 3')
    expect(now['next']).toContain('Look at its log')
    await it.api('POST', `/installations/${id}/disable`)
    expect(await health()).toMatchObject({
      state: 'disabled',
      summary: 'Disabled',
      since: expect.any(String) as string,
    })
    await it.api('POST', `/installations/${id}/enable`)
    expect(await say('again')).toMatchObject({ status: 200 })
  })
})

test('three crashes within an hour pause a plugin for its organization and for no other; two do not', async () => {
  await it.publish({ ...talker, key: 'crasher' })
  const ids = await Promise.all(
    [1, 2].map(async (organizationId) => {
      const { content } = await it.api('POST', '/install', { pluginKey: 'crasher' }, { organizationId })
      return (content as { id: number }).id
    }),
  )
  const ask = (what: string, organizationId: number) =>
    it.api('GET', `/crasher/${what}?text=hello`, undefined, { organizationId })
  const stateOf = async (organizationId: number) => {
    const path = `/installations/${ids[organizationId - 1]}/health`
    return ((await it.api('GET', path, undefined, { organizationId })).content as { state: string }).state
  }
  const exited = { body: { code: 'PLUGIN_EXITED' } }
  for (const organizationId of [1, 2]) {
    for (let crashes = 1; crashes <= 2; crashes++) expect(await ask('crash', organizationId)).toMatchObject(exited)
    expect(await ask('say', organizationId)).toMatchObject({ status: 200 })
    expect(await stateOf(organizationId)).toBe('running')
  }
  expect(await ask('crash', 1)).toMatchObject(exited)
  expect(await ask('say', 1)).toMatchObject({ status: 503, body: { code: 'PLUGIN_CRASH_LOOP' } })
  expect(await stateOf(1)).toBe('crash_loop')
  expect(await ask('say', 2)).toMatchObject({ status: 200 })
  expect(await stateOf(2)).toBe('running')
})

test('uninstalling on one replica ends the process on the other at once, and removes what was recorded', async () => {
  await it.publish({ ...talker, key: 'shortlived' })
  const installed = (await it.api('POST', '/install', { pluginKey: 'shortlived' })).content as { id: number }
  await two.api('GET', '/shortlived/say?text=hello')
  const processes = async () => (await two.host.health()).processes
  const before = await processes()
  expect(before).toBeGreaterThan(0)
  await it.api('DELETE', `/installations/${installed.id}`)
  await vi.waitFor(async () => expect(await processes()).toBe(before - 1), { timeout: 5_000 })
  await vi.waitFor(async () => {
    const { rows } = await it.pool.query(`SELECT FROM tenon.plugin_logs WHERE plugin_key = 'shortlived'`)
    expect(rows).toEqual([])
  })
})

test('disabling on one replica ends the process on the other', async () => {
  await say('hello', 'info', two)
  const before = (await two.host.health()).processes
  await it.api('POST', `/installations/${id}/disable`)
  await vi.waitFor(async () => expect((await two.host.health()).processes).toBe(before - 1), { timeout: 5_000 })
  await it.api('POST', `/installations/${id}/enable`)
})

test('what somebody was denied is in the audit, once for each minute with how often', async () => {
  for (let attempt = 0; attempt < 3; attempt++) {
    await two.api('DELETE', `/installations/${id}`, undefined, { role: 'Editor', userId: 7 })
    await two.api('POST', '/talker/anything', {}, { role: 'Reviewer', userId: 7 })
    await two.api('GET', '/blocks', undefined, { userId: 7 })
  }
  await two.close()
  const { rows } = await it.pool.query<{ details: { what: string; times: number } }>(
    `SELECT details FROM tenon.audit WHERE action = 'attempt' AND outcome = 'denied' AND user_id = 7 AND organization = 1`,
  )
  expect(rows.map(({ details }) => `${details.what} ${details.times}`).toSorted()).toEqual([
    `DELETE /installations/${id} 3`,
    'GET /blocks 3',
    'POST /talker/anything 3',
  ])
})
