import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import {
  createCrashLedger,
  createNetworkLedger,
  createRecords,
  type KeptLine,
  type LineFilter,
  type RecordLimits,
  type Records,
} from './index.js'

let database: Awaited<ReturnType<typeof createHostDatabase>>
beforeAll(async () => {
  database = await createHostDatabase()
  const migrator = createHostMigrator({ pool: database.pool })
  await migrator.up()
  await database.pool.query(
    `CREATE SCHEMA a; CREATE SCHEMA b;
     INSERT INTO tenon.tenants (organization_id, schema, state) VALUES (1, 'a', 'active'), (2, 'b', 'active')`,
  )
  await migrator.up()
  for (const schema of ['a', 'b'])
    await database.pool.query(`INSERT INTO ${schema}.plugin_installations (id, plugin_key) VALUES (1, 'plugin')`)
})
beforeEach(() =>
  database.pool.query('TRUNCATE tenon.plugin_logs, tenon.plugin_calls, tenon.permission_uses, tenon.process_ends'),
)
afterAll(() => database.drop())

const owner = { organizationId: 1, pluginKey: 'plugin', installationId: 1 }
const other = { organizationId: 2, pluginKey: 'plugin', installationId: 1 }
const all = { page: 1, pageSize: 100 }
const problems: string[] = []

const records = (limits: Partial<RecordLimits> = {}): Records =>
  createRecords({ pool: database.pool, log: (event) => void problems.push(event), limits })
const print = (to: Records, text: string, level: KeptLine['level'] = 'info') => to.log.write(owner, { level, text })
const textsOf = (lines: KeptLine[]) => lines.map(({ text }) => text)

describe('the log of a plugin', () => {
  test('is kept for one organization, and found by level, text, time and page', async () => {
    const it = records()
    print(it, 'one', 'debug')
    print(it, '50% of TWO', 'warn')
    print(it, 'three', 'error')
    it.log.write(other, { level: 'info', text: 'of another organization' })
    const found = async (filter: LineFilter) => textsOf((await it.log.read(owner, { ...all, ...filter })).items)
    expect(await found({})).toEqual(['three', '50% of TWO', 'one'])
    expect(await found({ level: 'warn' })).toEqual(['three', '50% of TWO'])
    expect(await found({ text: '% of two' })).toEqual(['50% of TWO'])
    expect(await found({ since: new Date(Date.now() + 1_000) })).toEqual([])
    expect(await it.log.read(owner, { page: 2, pageSize: 2 })).toMatchObject({ items: [{ text: 'one' }], total: 3 })
  })

  test('is read backwards from a line, however many come meanwhile', async () => {
    const it = records()
    for (const text of ['1', '2', '3', '4 of them', '5']) print(it, text, text === '2' ? 'debug' : 'info')
    const page = async (filter: LineFilter & { beforeId?: number } = {}) =>
      (await it.log.read(owner, { page: 1, pageSize: 2, ...filter })).items
    const newest = await page()
    expect(textsOf(newest)).toEqual(['5', '4 of them'])
    print(it, '6')
    const beforeId = newest.at(-1)?.id ?? 0
    const older = await page({ beforeId })
    expect(textsOf(older)).toEqual(['3', '2'])
    expect(textsOf(await page({ beforeId, level: 'info' }))).toEqual(['3', '1'])
    expect(textsOf(await page({ beforeId: older.at(-1)?.id ?? 0 }))).toEqual(['1'])
    expect((await it.log.read(owner, { ...all, beforeId })).total).toBe(6)
  })

  test('takes lines that no database could keep as they are', async () => {
    const it = records({ maxLineCharacters: 10 })
    print(it, 'a\0b\ud800')
    print(it, 'x'.repeat(11))
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual([`${'x'.repeat(10)}…`, 'ab\ufffd'])
  })

  test('leaves out what comes faster than it can be kept, and says how much that was', async () => {
    const it = records({ maxWaitingLines: 3 })
    for (const text of ['1', '2', '3', '4', '5']) print(it, text)
    const { items } = await it.log.read(owner, all)
    expect(textsOf(items)).toEqual(['2 lines were left out here: there were too many at once.', '3', '2', '1'])
    it.log.write(owner, { level: 'info', text: 'after', dropped: 1 })
    expect(textsOf((await it.log.read(owner, all)).items)[1]).toBe(
      '1 line was left out here: there were too many at once.',
    )
  })

  test('keeps only so much in memory for all plugins together', async () => {
    const it = records({ maxWaitingCharacters: 10 })
    print(it, '12345')
    it.log.write(other, { level: 'info', text: '123456' })
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual(['12345'])
    expect((await it.log.read(other, all)).items).toMatchObject([
      { text: expect.stringContaining('1 line was left out') as string },
    ])
  })

  test('keeps the newest lines', async () => {
    const it = records({ keptLines: 400 })
    for (let line = 0; line < 600; line++) print(it, String(line))
    const { total, items } = await it.log.read(owner, all)
    expect(total).toBe(400)
    expect(items[0]?.text).toBe('599')
  })

  test('keeps the newest 10,000 lines by itself', async () => {
    await database.pool.query(
      `INSERT INTO tenon.plugin_logs (organization_id, plugin_key, level, text, logged_at)
       SELECT 1, 'plugin', 'info', line::text, now() FROM generate_series(1, 9990) line`,
    )
    const it = records()
    for (let line = 9_991; line <= 10_050; line++) print(it, String(line))
    expect((await it.log.read(owner, all)).total).toBe(10_050)
    it.log.start()
    await vi.waitFor(async () => expect((await it.log.read(owner, all)).total).toBe(10_000))
    await it.log.stop()
    expect((await it.log.read(owner, { page: 1, pageSize: 1 })).items).toMatchObject([{ text: '10050' }])
    expect((await it.log.read(owner, { page: 10_000, pageSize: 1 })).items).toMatchObject([{ text: '51' }])
  })

  test.each([{ keptDays: 2 }, {}])('keeps no line for longer than keptDays, a week by itself: %o', async (limits) => {
    const it = records(limits)
    for (const text of ['younger', 'older']) print(it, text)
    expect((await it.log.read(owner, all)).total).toBe(2)
    const age = (text: string, hours: number) =>
      database.pool.query(`UPDATE tenon.plugin_logs SET logged_at = now() - $2 * interval '1 hour' WHERE text = $1`, [
        text,
        hours,
      ])
    const kept = (limits.keptDays ?? 7) * 24
    await age('younger', kept - 1)
    await age('older', kept + 1)
    it.log.start()
    await vi.waitFor(async () => expect(textsOf((await it.log.read(owner, all)).items)).toEqual(['younger']))
    await it.log.stop()
  })

  test('is written every writeEveryMs', async () => {
    const writtenAfterAWhile = async (writeEveryMs: number) => {
      const it = records({ writeEveryMs })
      it.log.start()
      print(it, `every ${writeEveryMs} ms`)
      await sleep(200)
      const { rowCount } = await database.pool.query('SELECT FROM tenon.plugin_logs WHERE text = $1', [
        `every ${writeEveryMs} ms`,
      ])
      await it.log.stop()
      return rowCount
    }
    expect(await writtenAfterAWhile(20)).toBe(1)
    expect(await writtenAfterAWhile(15_000)).toBe(0)
  })

  test('waits for a database that is away, and writes then', async () => {
    const it = records()
    await database.pool.query('ALTER TABLE tenon.plugin_logs RENAME TO elsewhere')
    print(it, 'patient')
    await it.log.stop()
    await database.pool.query('ALTER TABLE tenon.elsewhere RENAME TO plugin_logs')
    expect(problems).toContain('plugin-log-failed')
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual(['patient'])
  })

  test('keeps no line of an organization that is being removed', async () => {
    const it = records()
    await database.pool.query(`UPDATE tenon.tenants SET state = 'removing' WHERE organization_id = 2`)
    it.log.write(other, { level: 'info', text: 'late' })
    print(it, 'of one that stays')
    expect((await it.log.read(other, all)).total).toBe(0)
    expect((await it.log.read(owner, all)).total).toBe(1)
    await database.pool.query(`UPDATE tenon.tenants SET state = 'active' WHERE organization_id = 2`)
  })
})

describe('a live tail', () => {
  test('shows lines of every replica once, those that are committed late too, and goes on after a line', async () => {
    const [here, there] = [records({ tailEveryMs: 20 }), records()]
    const stop = new AbortController()
    const seen: KeptLine[] = []
    const listening = (async () => {
      for await (const lines of here.log.tail(owner, { level: 'info' }, stop.signal)) seen.push(...lines)
    })()
    await vi.waitFor(() => expect(seen).toEqual([]))
    await sleep(50)
    const late = await database.pool.connect()
    await late.query('BEGIN')
    await late.query(
      `INSERT INTO tenon.plugin_logs (organization_id, plugin_key, level, text, logged_at) VALUES (1, 'plugin', 'info', 'late', now())`,
    )
    print(there, 'of another replica')
    print(there, 'not asked for', 'debug')
    await there.log.stop()
    await vi.waitFor(() => expect(textsOf(seen)).toEqual(['of another replica']))
    await late.query('COMMIT')
    late.release()
    await vi.waitFor(() => expect(textsOf(seen)).toEqual(['of another replica', 'late']))
    stop.abort()
    await listening

    const again = new AbortController()
    const first = seen.find(({ text }) => text === 'late')
    for await (const lines of here.log.tail(owner, { afterId: first?.id }, again.signal)) {
      expect(textsOf(lines)).toEqual(['of another replica', 'not asked for'])
      break
    }
  })

  test('looks every tailEveryMs for lines of other replicas', async () => {
    const shownAfterAWhile = async (tailEveryMs: number) => {
      const [here, there] = [records({ tailEveryMs }), records()]
      const stop = new AbortController()
      const next = here.log.tail(owner, {}, stop.signal).next()
      await sleep(50)
      print(there, 'of another replica')
      await there.log.stop()
      const shown = await Promise.race([next, sleep(300, 'nothing')])
      stop.abort()
      await next
      return shown
    }
    expect(await shownAfterAWhile(20)).toMatchObject({ value: [{ text: 'of another replica' }] })
    expect(await shownAfterAWhile(15_000)).toBe('nothing')
  })

  test('ends after longestTailMs, and not before', async () => {
    const endedAfterAWhile = async (longestTailMs: number) => {
      const it = records({ longestTailMs, tailEveryMs: 20 })
      const stop = new AbortController()
      const next = it.log.tail(owner, {}, stop.signal).next()
      const ended = await Promise.race([next, sleep(300, 'goes on')])
      stop.abort()
      await next
      return ended
    }
    expect(await endedAfterAWhile(50)).toMatchObject({ done: true })
    expect(await endedAfterAWhile(15_000)).toBe('goes on')
  })

  test('is limited in number, and in time', async () => {
    const it = records({ maxTailsPerOrganization: 1, tailEveryMs: 5, longestTailMs: 50 })
    const tail = it.log.tail(owner, {}, new AbortController().signal)
    expect(() => it.log.tail(owner, {}, new AbortController().signal)).toThrow('follows 1 logs already')
    expect(await tail.next()).toMatchObject({ done: true })
    const next = it.log.tail(owner, {}, AbortSignal.abort())
    expect(await next.next()).toMatchObject({ done: true })
  })
})

const end = { digest: 'd', exitCode: null, signal: 'SIGKILL' }
const crash = { ...end, crashed: true, reason: 'crash' }
const idle = { ...end, crashed: false, reason: 'idle', cause: 'it had nothing to do' }

describe('the figures of a plugin', () => {
  test('count its calls over all replicas: errors, mean, and how long nineteen of twenty took', async () => {
    const [here, there] = [records(), records()]
    expect(await here.usage.callsOf(owner, 24)).toEqual({ calls: 0, errors: 0, meanMs: null, p95Ms: null })
    for (let call = 0; call < 95; call++) here.usage.countCall(owner, { ms: 4, failed: false })
    for (let call = 0; call < 5; call++) there.usage.countCall(owner, { ms: 700, failed: true })
    await there.usage.stop()
    expect(await here.usage.callsOf(owner, 24)).toEqual({ calls: 100, errors: 5, meanMs: 38.8, p95Ms: 5 })
    here.usage.countCall(owner, { ms: 700, failed: true })
    expect(await here.usage.callsOf(owner, 24)).toMatchObject({ p95Ms: 1_000 })
    expect(await here.usage.callsOf(other, 24)).toMatchObject({ calls: 0 })
  })

  test('are there for each hour of the last day, those without calls included', async () => {
    const it = records()
    it.usage.countCall(owner, { ms: 4, failed: false })
    it.usage.countCall(owner, { ms: 4, failed: true })
    const hours = await it.usage.callsByHour(owner, 24)
    expect(hours).toHaveLength(24)
    expect(hours.at(-1)).toMatchObject({ calls: 2, errors: 1, meanMs: 4, p95Ms: 5 })
    expect(hours[0]).toMatchObject({ calls: 0, errors: 0, meanMs: null, p95Ms: null })
    const [first, second] = hours.map(({ at }) => Date.parse(at))
    expect((second ?? 0) - (first ?? 0)).toBe(3_600_000)
    expect((await it.usage.callsByHour(other, 24)).every(({ calls }) => calls === 0)).toBe(true)
  })

  test('count what it used of what it may, and what it was refused, for a bounded number of things', async () => {
    const it = records({ maxCountedPermissions: 2 })
    it.usage.countUse(owner, 'network:a.example')
    it.usage.countUse(owner, 'network:a.example')
    for (const name of ['b', 'c', 'd', 'e']) it.usage.countRefusal(owner, `network:${name}.example`)
    expect(await it.usage.permissionsOf(owner)).toMatchObject([
      { permission: 'network:a.example', uses: 2, lastUsedAt: expect.any(String) as string, refusals: 0 },
      { permission: 'network:b.example', uses: 0, lastUsedAt: null, refusals: 1 },
      { permission: 'network:c.example', uses: 0, refusals: 1 },
      { permission: 'others', uses: 0, refusals: 2 },
    ])
    it.usage.countUse(owner, 'network:a.example')
    expect(await it.usage.permissionsOf(owner)).toMatchObject([{ uses: 3 }, {}, {}, {}])
  })

  test('keep what was really used apart from names that were made up, of which only so many are kept', async () => {
    const it = records({ maxCountedPermissions: 3 })
    for (let round = 0; round < 3; round++) {
      for (let name = 0; name < 5; name++) it.usage.countRefusal(owner, `network:${round}-${name}.example`)
      it.usage.countRefusal(owner, 'table:risks:select', { isAsked: true })
      it.usage.countUse(owner, 'ui')
      await it.usage.stop()
    }
    const kept = await it.usage.permissionsOf(owner)
    expect(kept.map(({ permission, uses, refusals }) => [permission, uses, refusals])).toEqual([
      ['network:0-0.example', 0, 1],
      ['network:0-1.example', 0, 1],
      ['network:0-2.example', 0, 1],
      ['others', 0, 12],
      ['table:risks:select', 0, 3],
      ['ui', 3, 0],
    ])
    // What is known goes on under its own name.
    it.usage.countRefusal(owner, 'network:0-1.example')
    expect((await it.usage.permissionsOf(owner))[1]).toMatchObject({ permission: 'network:0-1.example', refusals: 2 })
  })

  test('are kept for everybody, whatever names one plugin makes up', async () => {
    const it = records()
    const long = `publish:${'😀'.repeat(5_000)}`
    it.usage.countRefusal(owner, `${long}a`)
    it.usage.countRefusal(owner, `${long}b`)
    it.usage.countRefusal(owner, 'publish:a\0')
    it.usage.countRefusal(owner, 'publish:a')
    it.usage.countUse(other, 'ui')
    expect(await it.usage.permissionsOf(other)).toMatchObject([{ permission: 'ui', uses: 1 }])
    const names = await it.usage.permissionsOf(owner)
    expect(names).toMatchObject([{ permission: 'publish:a', refusals: 2 }, { refusals: 2 }])
    expect(names[1]?.permission.length).toBeLessThanOrEqual(300)
  })

  test('are lost for nobody else when those of one plugin cannot be written', async () => {
    const it = records()
    await database.pool.query(`ALTER TABLE tenon.permission_uses ADD CONSTRAINT no_a CHECK (permission <> 'a')`)
    it.usage.countUse(owner, 'a')
    it.usage.countUse(other, 'b')
    await it.usage.stop()
    await database.pool.query('ALTER TABLE tenon.permission_uses DROP CONSTRAINT no_a')
    expect(problems).toContain('usage-failed')
    expect(await it.usage.permissionsOf(owner)).toEqual([])
    expect(await it.usage.permissionsOf(other)).toMatchObject([{ permission: 'b', uses: 1 }])
  })

  test('forget what was only ever refused, after a month', async () => {
    const it = records()
    it.usage.countUse(owner, 'used')
    for (const name of ['used', 'older', 'younger']) it.usage.countRefusal(owner, name)
    await it.usage.stop()
    const age = `CASE permission WHEN 'younger' THEN 29 ELSE 31 END * interval '1 day'`
    await database.pool.query(`UPDATE tenon.permission_uses SET last_refused_at = now() - ${age}`)
    it.usage.start()
    await vi.waitFor(async () =>
      expect((await it.usage.permissionsOf(owner)).map(({ permission }) => permission)).toEqual(['used', 'younger']),
    )
    await it.usage.stop()
  })

  test('keep the last ends of its processes', async () => {
    const it = records({ keptProcessEnds: 2 })
    for (const cause of ['a', 'b', 'c']) it.usage.noteProcessEnd(owner, { ...crash, cause })
    expect(await it.usage.processEndsOf(owner)).toMatchObject([{ ...crash, cause: 'c' }, { cause: 'b' }])
  })

  test('show a crash on other servers at once, and those that follow it with the next batch', async () => {
    const warnings: string[] = []
    const warn = ({ message }: Error) => void warnings.push(message)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const [here, there] = [records({ writeEveryMs: 60_000 }), records()]
    const seenThere = async () => (await there.usage.processEndsOf(owner)).map(({ cause }) => cause)
    here.usage.noteProcessEnd(owner, { ...crash, cause: 'a' })
    await expect.poll(seenThere).toEqual(['a'])
    for (const cause of ['b', 'c']) here.usage.noteProcessEnd(owner, { ...crash, cause })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await seenThere()).toEqual(['a'])
    await here.usage.stop()
    expect(await seenThere()).toEqual(['c', 'b', 'a'])
    // Of a wait that is over before it begins.
    expect(warnings).toEqual([])
  })

  test('keep crashes for as long, however often it is stopped in between', async () => {
    const it = records({ keptProcessEnds: 2 })
    it.usage.noteProcessEnd(owner, { ...crash, cause: 'a' })
    for (let times = 0; times < 3; times++) it.usage.noteProcessEnd(owner, idle)
    expect((await it.usage.processEndsOf(owner)).map(({ cause }) => cause)).toEqual([idle.cause, idle.cause, 'a'])
  })
})

describe('an uninstallation', () => {
  const uninstall = async (client: pg.PoolClient, by: Records, data: 'erase' | 'keep') => {
    await client.query(`BEGIN; DELETE FROM a.plugin_installations WHERE plugin_key = 'plugin'`)
    await by.forget(client, owner, data)
  }
  const begin = async (data: 'erase' | 'keep') => {
    const it = records()
    print(it, 'before')
    await it.log.stop()
    const client = await database.pool.connect()
    await uninstall(client, it, data)
    return { it, client }
  }
  const isWaiting = () =>
    vi.waitFor(async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      expect(rows.length).toBeGreaterThan(0)
    })
  afterEach(() =>
    database.pool.query(
      `DELETE FROM a.plugin_installations; INSERT INTO a.plugin_installations (id, plugin_key) VALUES (1, 'plugin')`,
    ),
  )

  test.each(['erase', 'keep'] as const)('leaves out what is being written meanwhile: %s', async (data) => {
    const { it, client } = await begin(data)
    print(it, 'late')
    it.usage.countCall(owner, { ms: 1, failed: false })
    it.usage.countUse(owner, 'ui')
    it.usage.countUse(other, 'ui')
    const written = Promise.all([it.log.stop(), it.usage.stop()])
    await isWaiting()
    await client.query('COMMIT')
    client.release()
    await written
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual(data === 'erase' ? [] : ['before'])
    expect(await it.usage.callsOf(owner, 24)).toMatchObject({ calls: 0 })
    expect(await it.usage.permissionsOf(owner)).toEqual([])
    expect(await it.usage.permissionsOf(other)).toMatchObject([{ permission: 'ui' }])
  })

  test('leaves out what is told of the earlier installation after the plugin was installed again', async () => {
    const { it, client } = await begin('erase')
    await client.query(`INSERT INTO a.plugin_installations (id, plugin_key) VALUES (2, 'plugin'); COMMIT`)
    client.release()
    const again = { ...owner, installationId: 2 }
    for (const whose of [owner, again]) {
      it.log.write(whose, { level: 'info', text: `of ${whose.installationId}` })
      it.usage.countCall(whose, { ms: 1, failed: false })
      it.usage.countUse(whose, 'ui')
      it.usage.noteProcessEnd(whose, { ...idle, cause: `of ${whose.installationId}` })
    }
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual(['of 2'])
    expect(await it.usage.callsOf(owner, 24)).toMatchObject({ calls: 1 })
    expect(await it.usage.permissionsOf(owner)).toMatchObject([{ permission: 'ui', uses: 1 }])
    expect(await it.usage.processEndsOf(owner)).toMatchObject([{ cause: 'of 2' }])
  })

  test('that does not come about loses nothing', async () => {
    const { it, client } = await begin('erase')
    print(it, 'after')
    const written = it.log.stop()
    await isWaiting()
    await client.query('ROLLBACK')
    client.release()
    await written
    expect(textsOf((await it.log.read(owner, all)).items)).toEqual(['after', 'before'])
  })
})

describe('an organization whose installations cannot be read', () => {
  const refuse = async () => {
    await database.pool.query('ALTER TABLE b.plugin_installations RENAME COLUMN plugin_key TO elsewhere')
    return () => database.pool.query('ALTER TABLE b.plugin_installations RENAME COLUMN elsewhere TO plugin_key')
  }
  const lock = async () => {
    const client = await database.pool.connect()
    await client.query('BEGIN; LOCK TABLE b.plugin_installations IN ACCESS EXCLUSIVE MODE')
    return async () => {
      await client.query('COMMIT')
      client.release()
    }
  }

  test.each([
    ['because they are not as they should be', refuse],
    ['because somebody holds them', lock],
  ])('keeps nothing from the others, and its lines for later: %s', async (_why, begin) => {
    const it = records()
    const told = (tenantId: string) => ({ tenantId, pluginKey: 'plugin', digest: 'd', crashes: [Date.now()] })
    const used = (tenantId: string) => ({ tenantId, pluginKey: 'plugin', startedAt: Date.now(), ...someUse })
    const problemsBefore = problems.length
    const end = await begin()
    for (const whose of [other, owner]) {
      it.log.write(whose, { level: 'info', text: 'a line' })
      it.usage.countCall(whose, { ms: 1, failed: false })
      it.usage.countUse(whose, 'ui')
      it.usage.noteProcessEnd(whose, idle)
    }
    await Promise.all([it.log.stop(), it.usage.stop()])
    const tenantsOf = (accounts: readonly { tenantId: string }[]) => accounts.map(({ tenantId }) => tenantId)
    expect(tenantsOf(await crashLedger().add([told('b'), told('a')]))).toEqual(['a'])
    expect(tenantsOf(await networkLedger().add([used('b'), used('a')]))).toEqual(['a'])
    await crashLedger().reset({ tenantId: 'b', pluginKey: 'plugin' })
    await end()

    expect((await it.log.read(owner, all)).total).toBe(1)
    expect(await it.usage.callsOf(owner, 24)).toMatchObject({ calls: 1 })
    expect(await it.usage.permissionsOf(owner)).toMatchObject([{ uses: 1 }])
    expect(await it.usage.processEndsOf(owner)).toHaveLength(1)
    expect((await it.log.read(other, all)).total).toBe(1)
    expect(await it.usage.callsOf(other, 24)).toMatchObject({ calls: 0 })
    expect(problems.slice(problemsBefore)).toEqual(
      expect.arrayContaining(['plugin-log-failed', 'usage-failed', 'records-unheld']),
    )
  })
})

const log = (event: string) => void problems.push(event)
const networkLedger = () => createNetworkLedger({ pool: database.pool, log, windowMs: 60_000 })
const crashLedger = () => createCrashLedger({ pool: database.pool, log, kept: 3, keptMs: 60_000 })
const someUse = { connections: 1, bytesIn: 0, bytesOut: 0, refused: 0 }

describe('the account of what plugins do on the network', () => {
  const use = { tenantId: 'a', pluginKey: 'plugin', startedAt: 0, connections: 0, bytesIn: 0, bytesOut: 0, refused: 0 }
  const rows = async () => (await database.pool.query('SELECT FROM tenon.network_use')).rowCount

  test('is not opened by who only asks, and told to them', async () => {
    const ledger = networkLedger()
    await database.pool.query('TRUNCATE tenon.network_use')
    expect(await ledger.add([use])).toEqual([])
    expect(await rows()).toBe(0)
    expect(await ledger.add([{ ...use, connections: 2 }])).toMatchObject([{ connections: 2 }])
    const [asked, ...more] = await ledger.add([use, { ...use, tenantId: 'b', bytesIn: 5 }])
    expect([asked, ...more].sort((a, b) => String(a?.tenantId).localeCompare(String(b?.tenantId)))).toMatchObject([
      { tenantId: 'a', connections: 2 },
      { tenantId: 'b', bytesIn: 5 },
    ])
    expect(await rows()).toBe(2)
  })

  test('is not that of a window that is over', async () => {
    await database.pool.query(`UPDATE tenon.network_use SET started_at = now() - interval '1 hour'`)
    expect(await networkLedger().add([use])).toEqual([])
  })
})
