import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { createAudit, createDenials, type AuditEntry } from './index.js'

let database: Awaited<ReturnType<typeof createHostDatabase>>
const key = randomBytes(32)
const problems: string[] = []
const audit = () => createAudit({ pool: database.pool, key, log: (event) => void problems.push(event) })

beforeAll(async () => {
  database = await createHostDatabase()
  await createHostMigrator({ pool: database.pool }).up()
})
beforeEach(() => database.pool.query('TRUNCATE tenon.audit, tenon.audit_head'))
afterAll(() => database.drop())

const entry = (pluginKey: string): AuditEntry => ({
  organizationId: 1,
  userId: 7,
  pluginKey,
  action: 'install',
  outcome: 'done',
  details: { version: '1.0.0', nested: { b: [1, null], a: undefined, text: 'a\0b' } },
})

async function recorded(...keys: string[]) {
  const it = audit()
  for (const pluginKey of keys) await it.record(entry(pluginKey))
  return it
}

test('entries are chained as they come, and listed the newest first', async () => {
  expect(await audit().verify()).toEqual({ entries: 0 })
  const it = await recorded('a', 'b', 'c')
  await it.record({ action: 'rotate-keys', outcome: 'done' })
  expect(await it.verify()).toEqual({ entries: 4 })
  expect(await it.list({ limit: 1, organizationId: 1 })).toMatchObject([
    { seq: 3, pluginKey: 'c', organization: 1, details: { version: '1.0.0', nested: { b: [1, null], text: 'ab' } } },
  ])
  expect((await it.list({ limit: 10 })).map(({ seq }) => seq)).toEqual([4, 3, 2, 1])
})

test('many writers on several replicas make one chain', async () => {
  const replicas = [audit(), audit(), audit()]
  await Promise.all(
    Array.from({ length: 300 }, (_, at) => (replicas[at % 3] ?? audit()).record({ ...entry('x'), userId: at })),
  )
  expect(await replicas[0]?.verify()).toEqual({ entries: 300 })
})

test.each([
  ['an altered detail', `UPDATE tenon.audit SET details = '{"version":"2"}' WHERE seq = 2`, 'Entry 2 was altered'],
  [
    'an altered time',
    `UPDATE tenon.audit SET occurred_at = occurred_at - interval '1 ms' WHERE seq = 2`,
    'Entry 2 was',
  ],
  ['another user', 'UPDATE tenon.audit SET user_id = NULL WHERE seq = 3', 'Entry 3 was altered'],
  ['a removed entry', 'DELETE FROM tenon.audit WHERE seq = 2', 'Entry 2 is missing'],
  ['a removed first entry', 'DELETE FROM tenon.audit WHERE seq = 1', 'Entry 1 is missing'],
  ['removed last entries', 'DELETE FROM tenon.audit WHERE seq > 1', 'Entries 2 to 3 are missing'],
  [
    'a removed entry whose place was taken',
    'DELETE FROM tenon.audit WHERE seq = 2; UPDATE tenon.audit SET seq = 2 WHERE seq = 3',
    'Entry 2 was altered, or stands in another place',
  ],
  [
    'two entries in each other’s place',
    'UPDATE tenon.audit SET seq = CASE seq WHEN 1 THEN -2 ELSE -1 END WHERE seq < 3; UPDATE tenon.audit SET seq = -seq WHERE seq < 0',
    'Entry 1 was altered, or stands in another place',
  ],
  [
    'an end that was moved',
    'DELETE FROM tenon.audit WHERE seq = 3; UPDATE tenon.audit_head SET seq = 2, mac = (SELECT mac FROM tenon.audit WHERE seq = 2)',
    'The mark of the end of the chain was altered',
  ],
  ['an end that was removed', 'DELETE FROM tenon.audit_head', 'not marked any more'],
  [
    'an added entry',
    `INSERT INTO tenon.audit SELECT 4, occurred_at, organization, user_id, plugin_key, action, outcome, details, mac FROM tenon.audit WHERE seq = 3`,
    'Entry 4 was altered',
  ],
])('finds %s', async (_, sql, message) => {
  const it = await recorded('a', 'b', 'c')
  await database.pool.query(sql)
  const report = await it.verify()
  expect(report.problem?.message).toContain(message)
})

test('finds that another key made the chain', async () => {
  await recorded('a')
  const other = createAudit({ pool: database.pool, key: randomBytes(32) })
  expect((await other.verify()).problem).toMatchObject({ seq: 1 })
})

test('an entry waits for a database that is away, and never fails what it is about', async () => {
  const it = audit()
  await database.pool.query('ALTER TABLE tenon.audit RENAME TO elsewhere')
  await it.record(entry('a'))
  await database.pool.query('ALTER TABLE tenon.elsewhere RENAME TO audit')
  expect(problems).toContain('audit-failed')
  await it.record(entry('b'))
  expect((await it.list({ limit: 10 })).map(({ pluginKey }) => pluginKey)).toEqual(['b', 'a'])
})

test('denied attempts are counted, one entry for each thing and minute, and only so many things', async () => {
  const it = audit()
  const denials = createDenials({ audit: it })
  const party = { organizationId: 1, pluginKey: 'a' }
  for (let attempt = 0; attempt < 1_000; attempt++) denials.count(party, 'network:a.example:443')
  for (let host = 0; host < 50; host++) denials.count(party, `network:${host}.example:443`)
  denials.count({ organizationId: 1, userId: 3 }, 'installPlugin')
  await denials.stop()
  const entries = await it.list({ limit: 100 })
  expect(entries).toHaveLength(22)
  const times = (what: string) => entries.find(({ details }) => details['what'] === what)?.details['times']
  expect(times('network:a.example:443')).toBe(1_000)
  expect(times('other things')).toBe(31)
  expect(entries.find(({ userId }) => userId === 3)).toMatchObject({ action: 'attempt', outcome: 'denied' })
  expect(await it.verify()).toEqual({ entries: 22 })
})

test('denied attempts are written every minute, and not before', async () => {
  const [often, seldom] = [audit(), audit()].map((it, at) =>
    createDenials({ audit: it, everyMs: at === 0 ? 20 : 60_000 }),
  )
  for (const [pluginKey, denials] of [
    ['often', often],
    ['seldom', seldom],
  ] as const) {
    denials?.start()
    denials?.count({ organizationId: 1, pluginKey }, 'network:a.example:443')
    denials?.count({ organizationId: 1, pluginKey }, 'network:a.example:443')
  }
  const written = async () =>
    (await audit().list({ limit: 10 })).map(({ pluginKey, details }) => [pluginKey, details['times']])
  await vi.waitFor(async () => expect(await written()).toEqual([['often', 2]]))
  often?.count({ organizationId: 1, pluginKey: 'often' }, 'network:a.example:443')
  await vi.waitFor(async () =>
    expect(await written()).toEqual([
      ['often', 1],
      ['often', 2],
    ]),
  )
  await often?.stop()
  await seldom?.stop()
  expect((await written())[0]).toEqual(['seldom', 2])
})

test('denied attempts of more parties than are counted apart are counted together', async () => {
  const it = audit()
  const denials = createDenials({ audit: it })
  for (let userId = 1; userId <= 1_010; userId++) denials.count({ organizationId: 1, userId }, 'installPlugin')
  denials.count({ organizationId: 1, userId: 1 }, 'installPlugin')
  await denials.stop()
  const entries = await it.list({ limit: 2_000 })
  expect(entries).toHaveLength(1_001)
  const times = (userId: number | null) => entries.find((one) => one.userId === userId)?.details['times']
  expect(times(1)).toBe(2)
  expect(times(1_001)).toBeUndefined()
  expect(times(null)).toBe(10)
  expect(entries.find(({ userId }) => userId === null)).toMatchObject({
    organization: null,
    pluginKey: null,
    details: { what: 'things of other parties' },
  })
})

test('a thing with a long name is one thing, also beyond the things that are counted apart', async () => {
  const it = audit()
  const denials = createDenials({ audit: it })
  const party = { organizationId: 1, pluginKey: 'a' }
  for (let thing = 0; thing < 20; thing++) denials.count(party, `${thing} ${'x'.repeat(1_000)}`)
  denials.count(party, `0 ${'x'.repeat(1_000)}`)
  await denials.stop()
  const entries = await it.list({ limit: 100 })
  expect(entries).toHaveLength(20)
  expect(entries.find(({ details }) => String(details['what']).startsWith('0 '))?.details['times']).toBe(2)
})
