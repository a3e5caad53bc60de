import { setTimeout as sleep } from 'node:timers/promises'
import { loadModule, parseSync } from 'libpg-query'
import { afterAll, afterEach, beforeAll, describe, expect, test, type TestContext } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { skipAloud } from '../testing/skip-aloud.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import type { DatabaseSession, PluginRole, Tenancy, TenancyLimits } from './index.js'

let database: TenancyDatabase
let role: PluginRole
const sessions: DatabaseSession[] = []
const tenancies: Tenancy[] = []

beforeAll(async () => {
  await loadModule()
  database = await createTenancyDatabase()
  await database.tenancy.createTenant(1)
  role = await roleOf('plugin')
  await database.pool.query(`INSERT INTO "${role.schema}".projects (project_title) VALUES ('x')`)
})
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.end()
  for (const tenancy of tenancies.splice(0)) await tenancy.close()
})
afterAll(() => database?.drop())

const roleOf = (ownerKey: string, tenancy = database.tenancy) =>
  tenancy.ensureRole(1, ownerKey, { kind: 'declared', tenantSchema: true, tables: { projects: ['select', 'update'] } })

async function wallWith(limits: Partial<TenancyLimits>): Promise<Tenancy> {
  const tenancy = await database.openTenancy(limits)
  tenancies.push(tenancy)
  return tenancy
}

function plugin(wall: Tenancy, as = role) {
  const session = wall.openSession(as, { mode: 'autocommit', deadlineMs: 20_000 })
  sessions.push(session)
  return facadeOver(session).sequelize
}

/** Waits for a person, whose change of the same row is not over yet. */
const waitsForPerson = (wall: Tenancy) => plugin(wall).query(`UPDATE projects SET project_title = 'of the plugin'`)

/** A change of a person that takes 300 ms, and what a plugin does meanwhile. */
async function whileAPersonChanges<Result>(meanwhile: () => Promise<Result>): Promise<Result> {
  const client = await database.pool.connect()
  try {
    await client.query(`BEGIN; UPDATE "${role.schema}".projects SET project_title = 'of a person'`)
    const doing = meanwhile()
    // Whoever asks for it looks at how it ended.
    doing.catch(() => undefined)
    await sleep(300)
    await client.query('COMMIT')
    return await doing
  } finally {
    client.release()
  }
}

describe('time', () => {
  test.each<[keyof TenancyLimits, Partial<TenancyLimits>, RegExp]>([
    ['statementTimeoutMs', {}, /canceling statement due to statement timeout/],
    ['lockTimeoutMs', {}, /canceling statement due to lock timeout/],
    // To Postgres, none is no limit: as if the plugin had got around its own.
    ['killGraceMs', { statementTimeoutMs: 0 }, /longer than|terminat/],
  ])('%s leaves time for what is faster and ends what is slower', async (name, limits, said) => {
    const patient = await wallWith({ ...limits, [name]: 15_000 })
    await whileAPersonChanges(() => waitsForPerson(patient))
    const impatient = await wallWith({ ...limits, [name]: 100 })
    await expect(whileAPersonChanges(() => waitsForPerson(impatient))).rejects.toThrow(said)
  })

  test('a connection is waited for as long as connectionWaitMs', async () => {
    /** The first one ends after a while, or when nobody waits any more. */
    const second = async (connectionWaitMs: number, heldMs: number) => {
      const wall = await wallWith({ connectionWaitMs })
      const first = await plugin(wall).transaction()
      const waiting = plugin(wall).transaction(async () => 'its turn')
      await Promise.race([waiting.catch(() => undefined), sleep(heldMs, undefined, { ref: false })])
      await first.commit()
      return waiting
    }
    expect(await second(15_000, 300)).toBe('its turn')
    // Opening a connection has to be as quick, too.
    await expect(second(1_000, 60_000)).rejects.toThrow('connections of this plugin are all in use')
  })

  test('an idle connection is closed after idleConnectionMs', async () => {
    const openAfterAWhile = async (idleConnectionMs: number) => {
      const wall = await wallWith({ idleConnectionMs })
      const idler = await roleOf(`idle-${idleConnectionMs}`)
      await plugin(wall, idler).query('SELECT 1')
      await sleep(400)
      return openConnections(idler)
    }
    expect(await openAfterAWhile(15_000)).toBe(1)
    expect(await openAfterAWhile(100)).toBe(0)
  })
})

describe('connections', () => {
  test.each([2, 3])('of one plugin on one server are at most maxConnectionsPerRole, here %d', async (most) => {
    const wall = await wallWith({ maxConnectionsPerRole: most, connectionWaitMs: 200 })
    await plugin(wall).transaction()
    for (let taken = 1; taken < most; taken++) {
      await plugin(wall).query('SELECT 1')
      await keepBusy(wall)
    }
    await expect(plugin(wall).query('SELECT 1')).rejects.toThrow('connections of this plugin are all in use')
  })

  test(
    'are still those of a plugin while the server works on what was ended, and does not look whether it was',
    { timeout: 120_000 },
    async () => {
      const wall = await wallWith({
        maxConnections: 2,
        statementTimeoutMs: 200,
        killGraceMs: 100,
        connectionWaitMs: 300,
      })
      // Compares each number of one list with each of another, for some six seconds.
      const deaf = 'SELECT array_fill(1, ARRAY[60000]) <@ (array_fill(0, ARRAY[60000]) || 1)'
      const both = await Promise.allSettled([plugin(wall).query(deaf), plugin(wall).query(deaf)])
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      await expect(plugin(wall).query('SELECT 1')).rejects.toThrow('connections of this plugin are all in use')
      // All plugins together may have two here, and nobody else waits for these.
      await plugin(wall, await roleOf('bystander')).query('SELECT 1')
      // Nor does it help to switch the plugin off and on.
      await wall.setLogin(role, false)
      await wall.setLogin(role, true)
      await expect(plugin(wall).query('SELECT 1')).rejects.toThrow('connections of this plugin are all in use')
      await expect
        .poll(
          () =>
            plugin(wall)
              .query('SELECT 1', { type: 'SELECT' })
              .catch(() => 'busy'),
          { timeout: 90_000 },
        )
        .toEqual([{ '?column?': 1 }])
    },
  )

  test.each([2, 3])('of all plugins on one server are at most maxConnections, here %d', async (most) => {
    const wall = await wallWith({ maxConnections: most, connectionWaitMs: 200 })
    for (let taken = 0; taken < most; taken++) {
      const other = await roleOf(`crowd-${taken}`)
      await plugin(wall, other).query('SELECT 1')
      await keepBusy(wall, other)
    }
    await expect(plugin(wall).query('SELECT 1')).rejects.toThrow('connections of this plugin are all in use')
  })

  test.each([2, 3])('of one plugin on all servers are at most connectionLimitPerRole, here %d', async (most) => {
    const everywhere = await roleOf(`on-${most}-servers`, await wallWith({ connectionLimitPerRole: most }))
    for (let server = 0; server < most; server++) await plugin(await wallWith({}), everywhere).query('SELECT 1')
    const oneMore = await wallWith({ connectionWaitMs: 200 })
    await expect(plugin(oneMore, everywhere).query('SELECT 1')).rejects.toThrow('are all in use')
  })
})

describe('memory and disk', () => {
  /** Sorts some megabytes. */
  const sort = `SELECT max(place) FROM
    (SELECT row_number() OVER (ORDER BY md5(number::text)) AS place FROM generate_series(1, 50000) number) sorted`

  async function sortWith(limits: Partial<TenancyLimits>): Promise<unknown> {
    const wall = await wallWith(limits)
    return plugin(wall, await roleOf(`sorts-${JSON.stringify(limits)}`, wall)).query(sort)
  }

  const needsHardened = (context: TestContext) => {
    if (!database.hardened) skipAloud(context, 'only a superuser lets the host limit it, and there is none here')
  }

  test('on disk a statement has tempFileLimitMb', async (context) => {
    needsHardened(context)
    await sortWith({ workMemMb: 1, tempFileLimitMb: 30 })
    await expect(sortWith({ workMemMb: 1, tempFileLimitMb: 1 })).rejects.toThrow('temp_file_limit')
  })

  test('in memory a sort has workMemMb, and goes to disk with more', async (context) => {
    needsHardened(context)
    await sortWith({ workMemMb: 30, tempFileLimitMb: 0 })
    await expect(sortWith({ workMemMb: 1, tempFileLimitMb: 0 })).rejects.toThrow('temp_file_limit')
  })
})

test('a text of SQL has at most maxSqlLength characters', async () => {
  const wall = await wallWith({ maxSqlLength: 100 })
  const text = (length: number) => `SELECT '${'x'.repeat(length - 9)}'`
  await plugin(wall).query(text(100))
  await expect(plugin(wall).query(text(101))).rejects.toThrow('its text has 101 characters, the limit is 100')
})

test('a long text of SQL is read for parseMs and not longer, and the next one as ever', async () => {
  const long = `SELECT 1 AS one WHERE 1 IN (${'1, '.repeat(50_000)}1)`
  const wall = await wallWith({ parseMs: 15_000 })
  expect(await plugin(wall).query(long, { type: 'SELECT' })).toEqual([{ one: 1 }])
  const impatient = await wallWith({ parseMs: 1 })
  await expect(plugin(impatient).query(long)).rejects.toThrow('it is too large to be read')
  expect(await plugin(impatient).query('SELECT 1 AS one', { type: 'SELECT' })).toEqual([{ one: 1 }])
})

test('what the parser makes of a text of SQL has at most maxTreeCharacters', async () => {
  const sql = `SELECT ${'1 AS one, '.repeat(1_000)}2 AS two`
  const statements = parseSync(sql).stmts as { stmt: object }[]
  const characters = JSON.stringify(statements).length
  const wall = await wallWith({ maxTreeCharacters: characters })
  expect(await plugin(wall).query(sql, { type: 'SELECT' })).toEqual([{ one: 1, two: 2 }])
  const stricter = await wallWith({ maxTreeCharacters: characters - 1 })
  await expect(plugin(stricter).query(sql)).rejects.toThrow('it is too large to be read; send values with bind')
})

test('rows that are added at once have at most maxCopyBytes', async () => {
  const wall = await wallWith({ maxCopyBytes: 100 })
  await plugin(wall).query('CREATE TABLE added (what text)')
  const session = wall.openSession(role, { mode: 'autocommit', deadlineMs: 20_000 })
  sessions.push(session)
  const add = (bytes: number) =>
    session.handlers['db.copy']({
      table: 'added',
      columns: ['what'],
      data: Buffer.from(`${'x'.repeat(bytes - 1)}\n`),
    })
  expect(await add(100)).toMatchObject({ rowCount: 1 })
  await expect(add(101)).rejects.toThrow('too many bytes for one message')
  expect(await plugin(wall).query('SELECT length(what) AS length FROM added', { type: 'SELECT' })).toEqual([
    { length: 99 },
  ])
})

test('of one plugin are at most maxRelations, and it can drop some of them', async () => {
  const wall = await wallWith({ maxRelations: 5 })
  const sequelize = plugin(wall, await roleOf('hoarder'))
  await sequelize.query('CREATE TABLE r (a int PRIMARY KEY)')
  await sequelize.query('CREATE SEQUENCE s')
  await sequelize.query('CREATE INDEX ON r (a)')
  await sequelize.query('SELECT 1 AS a INTO t')
  for (const sql of ['CREATE TABLE u (a int)', 'CREATE INDEX ON t (a)', 'SELECT 1 AS a INTO u', 'CREATE SEQUENCE u']) {
    await expect(sequelize.query(sql), sql).rejects.toThrow('5 tables, indexes and sequences of this plugin')
  }
  await sequelize.query('DROP TABLE t')
  await sequelize.query('CREATE TABLE u (a int)')
})

/** Begins a statement that takes until its session ends, without any function that a hardened server refuses. */
async function keepBusy(wall: Tenancy, as = role): Promise<void> {
  const before = await atWork(as)
  const busy = 'SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b'
  plugin(wall, as)
    .query(busy)
    .catch(() => undefined)
  await expect.poll(() => atWork(as)).toBe(before + 1)
}

/** Whoever runs a statement, or is in a transaction, holds a lock that everybody sees. */
async function atWork({ name }: PluginRole): Promise<number> {
  const { rows } = await database.pool.query<{ working: number }>(
    `SELECT count(*)::int AS working FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE usename = $1 AND locktype = 'virtualxid'`,
    [name],
  )
  return rows[0]?.working ?? 0
}

async function openConnections({ name }: PluginRole): Promise<number> {
  const { rows } = await database.pool.query<{ open: number }>(
    'SELECT count(*)::int AS open FROM pg_stat_activity WHERE usename = $1',
    [name],
  )
  return rows[0]?.open ?? 0
}
