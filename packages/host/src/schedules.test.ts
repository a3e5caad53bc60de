import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { nextTime } from './jobs/cron.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

const limits = { jobs: { pollMs: 100, retryMs: 20, maxAttempts: 1 } }

const clock: TestPlugin = {
  key: 'clock',
  entry: {
    permissions: { schedule: true },
    contributes: {
      actions: [
        { id: 'sync', title: 'Sync', route: 'POST /sync', schedule: '0 * * * *' },
        { id: 'tidy', title: 'Tidy up', route: 'POST /tidy' },
        { id: 'one', title: 'One', route: 'POST /one/:id' },
      ],
    },
  },
  files: {
    'index.ts': `
      let calls = 0
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const router = {
        'POST /sync': async ({ userId }: any) => ({ data: { success: true, userId, calls: ++calls } }),
        'POST /tidy': async ({ body }: any) => ({ status: body.status ?? 401, data: { message: 'sign in again' } }),
        'POST /one/:id': async () => ({}),
      }`,
  },
}

let it: HostInTest
let two: Replica
let id: number
beforeAll(async () => {
  it = await startHostInTest({ limits })
  const contributes = { actions: [{ id: 'sync', title: 'Sync', route: 'POST /sync' }] }
  await it.publish(clock, { ...clock, key: 'unscheduled', entry: { permissions: {}, contributes } })
  const { content } = await it.api('POST', '/install', { pluginKey: 'clock' })
  id = (content as { id: number }).id
  two = await it.startReplica()
})
afterAll(async () => {
  await two.close()
  await it.close()
})
beforeEach(async () => {
  await it.pool.query(`DELETE FROM tenon.plugin_runs WHERE kind <> 'install'`)
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })
const due = (behindBy: string) =>
  it.pool.query(`UPDATE tenon.plugin_schedules SET next_run_at = now() - $1::interval WHERE action = 'sync'`, [
    behindBy,
  ])
const scheduledRuns = async () =>
  (await it.pool.query(`SELECT * FROM tenon.plugin_runs WHERE trigger = 'schedule'`)).rows as Record<string, unknown>[]
const pause = (ms: number) => new Promise((go) => setTimeout(go, ms))

describe('a schedule', () => {
  test('is what the plugin proposes, until an admin chooses another', async () => {
    const path = `/installations/${id}/schedules`
    const proposed = { action: 'sync', cron: '0 * * * *', timeZone: 'UTC', enabled: true, isCustom: false }
    const none = { action: 'tidy', cron: null, enabled: false, proposed: null, nextRunAt: null }
    expect((await it.api('GET', path)).content).toMatchObject([proposed, none])
    const change = { cron: '15 4 * * 1', timeZone: 'Europe/Berlin' }
    const changed = await it.api('PUT', `${path}/sync`, change)
    expect(changed).toMatchObject({ status: 200, content: { ...change, isCustom: true, proposed: '0 * * * *' } })
    expect((await it.api('PUT', `${path}/tidy`, { cron: '0 0 * * *', enabled: false })).content).toMatchObject({
      cron: '0 0 * * *',
      enabled: false,
      nextRunAt: null,
    })
    expect(await it.api('PUT', `${path}/sync`, change, { role: 'Editor' })).toMatchObject({ status: 403 })
    expect((await it.api('DELETE', `${path}/sync`)).content).toMatchObject(proposed)
    await it.api('DELETE', `${path}/tidy`)
  })

  test('says what is wrong with it', async () => {
    const set = (action: string, body: object) => it.api('PUT', `/installations/${id}/schedules/${action}`, body)
    expect(await set('sync', { cron: 'now' })).toMatchObject({
      status: 400,
      content: 'cron: "now" is not five fields such as "30 3 * * *"',
    })
    expect(await set('sync', { cron: '0 0 31 2 *' })).toMatchObject({ status: 400 })
    expect(await set('sync', { cron: '* * * * * *' })).toMatchObject({ status: 400 })
    expect(await set('sync', { cron: '0 1 * * *', timeZone: 'Mars/Base' })).toMatchObject({ status: 400 })
    expect(await set('sync', { cron: '*/4 * * * *' })).toMatchObject({
      status: 400,
      content: 'cron: must leave at least 5 minutes between two runs',
    })
    expect(await set('sync', { cron: '*/5 * * * *' })).toMatchObject({ status: 200 })
    expect(await set('nothing', { cron: '0 1 * * *' })).toMatchObject({ status: 404 })
    // There is nothing to fill its path with.
    expect(await set('one', { cron: '0 1 * * *' })).toMatchObject({ status: 403 })
    const { content } = await it.api('POST', '/install', { pluginKey: 'unscheduled' })
    const other = (content as { id: number }).id
    expect(await it.api('PUT', `/installations/${other}/schedules/sync`, { cron: '0 1 * * *' })).toMatchObject({
      status: 403,
      body: { code: 'PERMISSION_DENIED' },
    })
    await it.api('DELETE', `/installations/${id}/schedules/sync`)
  })

  test('runs once on two servers, and what was missed is one run', async () => {
    await due('3 days')
    await until(async () => expect(await scheduledRuns()).toMatchObject([{ state: 'succeeded', requested_by: null }]))
    await pause(500)
    expect(await scheduledRuns()).toMatchObject([{ kind: 'sync', action: 'sync', result: { userId: 0 } }])
    const [sync] = (await it.api('GET', `/installations/${id}/schedules`)).content as Record<string, string>[]
    expect(new Date(sync?.['nextRunAt'] ?? '').getTime()).toBeGreaterThan(Date.now())
    expect(Date.now() - new Date(sync?.['lastRunAt'] ?? '').getTime()).toBeLessThan(10_000)
  })

  test('is moved on once, by whichever of two servers that look at the same moment', async () => {
    await it.pool.query(`
      CREATE TABLE public.moved (action text);
      CREATE FUNCTION public.note_moved() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO public.moved VALUES (NEW.action); RETURN NULL; END $$;
      CREATE TRIGGER note_moved AFTER UPDATE OF next_run_at ON tenon.plugin_schedules FOR EACH ROW
        WHEN (NEW.next_run_at > now()) EXECUTE FUNCTION public.note_moved()`)
    const client = await it.pool.connect()
    const waiting = async () =>
      (await it.pool.query(`SELECT FROM pg_locks WHERE NOT granted AND relation = 'tenon.plugin_schedules'::regclass`))
        .rowCount
    for (const round of [1, 2, 3]) {
      await client.query('BEGIN; LOCK TABLE tenon.plugin_schedules IN ACCESS EXCLUSIVE MODE')
      await client.query(`UPDATE tenon.plugin_schedules SET next_run_at = now() - interval '1 minute'`)
      await until(async () => expect(await waiting()).toBe(2))
      await client.query('COMMIT')
      await until(async () =>
        expect((await scheduledRuns()).filter(({ state }) => state === 'succeeded')).toHaveLength(round),
      )
    }
    client.release()
    await pause(3 * limits.jobs.pollMs)
    expect((await it.pool.query('SELECT action FROM public.moved')).rows).toEqual(Array(3).fill({ action: 'sync' }))
    expect(await scheduledRuns()).toHaveLength(3)
    await it.pool.query(
      'DROP TRIGGER note_moved ON tenon.plugin_schedules; DROP FUNCTION public.note_moved; DROP TABLE public.moved',
    )
  })

  test('rests while the plugin is disabled, and goes with it', async () => {
    await it.api('POST', `/installations/${id}/disable`)
    await due('1 minute')
    await until(async () => {
      const { rows } = await it.pool.query(`SELECT FROM tenon.plugin_schedules WHERE next_run_at > now()`)
      expect(rows).toHaveLength(1)
    })
    expect(await scheduledRuns()).toEqual([])
    await it.api('POST', `/installations/${id}/enable`)
    await due('1 minute')
    await until(async () => expect(await scheduledRuns()).toHaveLength(1))
    await it.api('DELETE', `/installations/${id}`)
    await until(async () => {
      const { rows } = await it.pool.query(`SELECT FROM tenon.plugin_schedules`)
      expect(rows).toEqual([])
    })
    const { content } = await it.api('POST', '/install', { pluginKey: 'clock' })
    id = (content as { id: number }).id
    await until(async () => {
      const { rows } = await it.pool.query(`SELECT FROM tenon.plugin_schedules`)
      expect(rows).toHaveLength(1)
    })
  })

  test('goes on for the others while one organization cannot be read, and for that one afterwards', async () => {
    const other = await it.api('POST', '/install', { pluginKey: 'clock' }, { organizationId: 2 })
    await until(async () =>
      expect((await it.pool.query('SELECT FROM tenon.plugin_schedules WHERE organization_id = 2')).rowCount).toBe(1),
    )
    const { rows } = await it.pool.query<{ schema: string }>(
      'SELECT schema FROM tenon.tenants WHERE organization_id = 1',
    )
    const [{ schema = '' } = {}] = rows
    const ran = async () => (await scheduledRuns()).map(({ organization_id: organizationId }) => organizationId)
    await it.pool.query(`ALTER TABLE "${schema}".plugin_installations RENAME TO elsewhere`)
    try {
      // What the servers remember of the installation is forgotten by then.
      await it.pool.query(`SELECT pg_notify('tenon_installations', $1)`, [`${schema} clock`])
      for (const { log } of [it, two]) await until(() => expect(log.join('')).toContain('schedules-failed'))
      await due('2 minutes')
      await it.pool.query(
        `UPDATE tenon.plugin_schedules SET next_run_at = now() - interval '1 minute' WHERE organization_id = 2`,
      )
      await until(async () => expect(await ran()).toEqual([2]))
    } finally {
      await it.pool.query(`ALTER TABLE "${schema}".elsewhere RENAME TO plugin_installations`)
    }
    const [later] = (await it.pool.query('SELECT * FROM tenon.plugin_schedules WHERE organization_id = 1')).rows
    expect(later).toMatchObject({ last_run_at: null })
    expect((later as { next_run_at: Date }).next_run_at.getTime()).toBeGreaterThan(Date.now())
    expect([...it.log, ...two.log].join('')).toContain('schedule-put-off')
    await it.pool.query('UPDATE tenon.plugin_schedules SET next_run_at = now() WHERE organization_id = 1')
    await until(async () => expect((await ran()).sort()).toEqual([1, 2]))
    await it.api('DELETE', `/installations/${(other.content as { id: number }).id}`, undefined, { organizationId: 2 })
  })

  test('goes when an update no longer proposes it, unless an admin chose it', { timeout: 60_000 }, async () => {
    const version = (number: string, actions: object[]): TestPlugin => ({
      ...clock,
      key: 'changing',
      entry: { version: number, permissions: { schedule: true }, contributes: { actions } },
      files: { 'index.ts': `${clock.files['index.ts']} // ${number}` },
    })
    const action = (name: string, schedule?: string) => ({ id: name, title: name, route: `POST /${name}`, schedule })
    await it.publish(version('1.0.0', [action('sync', '0 * * * *'), action('tidy', '0 * * * *')]))
    const { content } = await it.api('POST', '/install', { pluginKey: 'changing' })
    const path = `/installations/${(content as { id: number }).id}`
    const planned = async () =>
      ((await it.api('GET', `${path}/schedules`)).content as { cron: string | null }[]).map(({ cron }) => cron)
    await until(async () => expect(await planned()).toEqual(['0 * * * *', '0 * * * *']))
    await it.api('PUT', `${path}/schedules/tidy`, { cron: '30 4 * * *' })
    await it.publish(version('1.1.0', [action('sync'), action('tidy')]))
    expect(await it.api('POST', `${path}/update`, { version: '1.1.0' })).toMatchObject({ status: 200 })
    await until(async () => expect(await planned()).toEqual([null, '30 4 * * *']))
    await it.api('DELETE', path)
  })

  test('keeps to the clock of its time zone when that is put forward', () => {
    const berlin = { cron: '30 8 * * *', timeZone: 'Europe/Berlin' }
    expect(nextTime(berlin, new Date('2026-03-28T12:00:00Z')).toISOString()).toBe('2026-03-29T06:30:00.000Z')
    expect(nextTime(berlin, new Date('2026-03-27T12:00:00Z')).toISOString()).toBe('2026-03-28T07:30:00.000Z')
  })
})

describe('what goes on failing', () => {
  const announced = async () =>
    (
      await it.pool.query<{ name: string; payload: { failures: number; error: unknown } }>(
        `SELECT name, payload FROM tenon.outbox WHERE source = 'host' AND name LIKE 'plugin.%' ORDER BY id`,
      )
    ).rows
  const alerts = async () => (await it.api('GET', '/alerts', undefined, { role: 'Reviewer' })).content

  test('is told when it failed three times in a row, once, and when it works again', async () => {
    const fail = () => it.api('POST', '/clock/tidy', { status: 401 })
    expect((await fail()).status).toBe(401)
    await fail()
    await pause(100)
    expect(await alerts()).toEqual([])
    expect(await announced()).toEqual([])
    await fail()
    await until(async () => expect(await announced()).toHaveLength(1))
    const error = { kind: 'configuration', message: 'sign in again' }
    expect(await announced()).toMatchObject([
      { name: 'plugin.failing', payload: { pluginKey: 'clock', action: 'tidy', title: 'Tidy up', failures: 3, error } },
    ])
    expect(await alerts()).toMatchObject([
      {
        pluginKey: 'clock',
        plugin: 'clock',
        installationId: id,
        subject: { kind: 'action', action: 'tidy' },
        failures: 3,
        error,
      },
    ])
    await fail()
    expect((await it.api('POST', '/clock/tidy', { status: 200 })).status).toBe(200)
    await until(async () => expect(await announced()).toHaveLength(2))
    expect(await announced()).toMatchObject([{}, { name: 'plugin.recovered', payload: { failures: 4 } }])
    expect(await alerts()).toEqual([])
  })

  test('is of one installation: a new one begins without the failures of an earlier one', async () => {
    await it.pool.query(`DELETE FROM tenon.plugin_runs WHERE kind <> 'install'; DELETE FROM tenon.outbox`)
    const fail = () => it.api('POST', '/clock/tidy', { status: 401 })
    for (const _time of [1, 2, 3]) await fail()
    await until(async () => expect(await announced()).toHaveLength(1))
    expect(await alerts()).toHaveLength(1)
    await it.api('DELETE', `/installations/${id}`)
    const { content } = await it.api('POST', '/install', { pluginKey: 'clock' })
    id = (content as { id: number }).id
    expect(await alerts()).toEqual([])
    await it.pool.query('DELETE FROM tenon.outbox')
    for (const _time of [1, 2, 3]) await fail()
    await until(async () => expect(await alerts()).toMatchObject([{ installationId: id, failures: 3 }]))
    await until(async () => expect(await announced()).toMatchObject([{ payload: { failures: 3 } }]))
  })

  test('is told after as many failures as failuresToTell says', async () => {
    const fail = () => it.api('POST', '/clock/tidy', { status: 401 })
    for (const failuresToTell of [2, 3]) {
      await it.pool.query(`DELETE FROM tenon.plugin_runs WHERE kind <> 'install'`)
      const replica = await it.startReplica({ limits: { jobs: { ...limits.jobs, failuresToTell } } })
      const told = async () => (await replica.api('GET', '/alerts')).content
      for (let failures = 1; failures < failuresToTell; failures++) await fail()
      expect(await told()).toEqual([])
      await fail()
      expect(await told()).toMatchObject([{ subject: { action: 'tidy' }, failures: failuresToTell }])
      await replica.close()
    }
  })
})
