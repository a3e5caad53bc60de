import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import type { DatabaseSession, PluginRole, SessionOptions, Tenancy } from './index.js'

let database: TenancyDatabase
let tenancy: Tenancy
let role: PluginRole
const open: DatabaseSession[] = []

beforeAll(async () => {
  database = await createTenancyDatabase({ statementTimeoutMs: 2_000, connectionWaitMs: 3_000 })
  tenancy = database.tenancy
  await tenancy.createTenant(1)
  role = await tenancy.ensureRole(1, 'sessions', { kind: 'declared', tenantSchema: true, tables: {} })
})
afterAll(() => database?.drop())
beforeEach(async () => {
  for (const session of open.splice(0)) await session.end()
  await plugin().sequelize.query('DROP TABLE IF EXISTS things; CREATE TABLE things (name text UNIQUE)')
})

function plugin(options: Partial<SessionOptions> = {}, wall = tenancy, as = role) {
  const session = wall.openSession(as, { mode: 'autocommit', deadlineMs: 20_000, ...options })
  open.push(session)
  return { session, ...facadeOver(session) }
}

const names = async () => {
  const rows = await plugin().sequelize.query('SELECT name FROM things ORDER BY name', { type: 'SELECT' })
  return (rows as { name: string }[]).map((row) => row.name)
}
const insert = (name: string) => `INSERT INTO things (name) VALUES ('${name}')`

/** A statement that keeps the server busy without any function that a hardened server refuses. */
const busy = 'SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b'

describe('a lifecycle call', () => {
  test('is seen by nobody until the host commits', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(insert('a'))
    expect(await names()).toEqual([])
    await session.commit()
    expect(await names()).toEqual(['a'])
  })

  test('leaves nothing when the host rolls it back, tables and types included', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(`CREATE TABLE made (a int); CREATE TYPE made_type AS ENUM ('a'); ${insert('a')}`)
    await session.rollback()
    expect(await names()).toEqual([])
    const { rows } = await database.pool.query(
      `SELECT relname AS name FROM pg_class WHERE relname LIKE 'made%' UNION ALL
       SELECT typname FROM pg_type WHERE typname LIKE 'made%'`,
    )
    expect(rows).toEqual([])
  })

  test('leaves nothing when the call just ends', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(insert('a'))
    await session.end()
    expect(await names()).toEqual([])
  })

  test('goes on after a statement that failed and was caught', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(insert('a'))
    await expect(sequelize.query('SELECT * FROM nowhere')).rejects.toThrow('relation "nowhere" does not exist')
    await expect(sequelize.query(insert('a'))).rejects.toThrow('Validation error')
    await sequelize.query(insert('b'))
    await session.commit()
    expect(await names()).toEqual(['a', 'b'])
  })

  test('takes a transaction of the plugin as a savepoint', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(insert('a'))
    const failed = sequelize.transaction(async (transaction) => {
      await sequelize.query(insert('lost'), { transaction })
      await expect(sequelize.query('SELECT 1/0', { transaction })).rejects.toThrow('division by zero')
      await sequelize.query(insert('refused'), { transaction })
    })
    await expect(failed).rejects.toThrow('current transaction is aborted')
    await sequelize.transaction((transaction) => sequelize.query(insert('kept'), { transaction }))
    await session.commit()
    expect(await names()).toEqual(['a', 'kept'])
  })

  test('takes transactions that are started side by side one after the other', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        sequelize.transaction((transaction) => sequelize.query(insert(name), { transaction })),
      ),
    )
    await session.commit()
    expect(await names()).toEqual(['a', 'b', 'c'])
  })

  test('keeps statements that run side by side apart', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    const statements = ['a', 'b', 'a', 'c'].map((name) => sequelize.query(insert(name)).catch(() => 'refused'))
    expect(await Promise.all(statements)).toContain('refused')
    await session.commit()
    expect(await names()).toEqual(['a', 'b', 'c'])
  })

  test('may take longer for a statement than a route, up to its own deadline', async () => {
    const { sequelize } = plugin({ mode: 'lifecycle', deadlineMs: 700 })
    await expect(sequelize.query(busy)).rejects.toThrow()
  })

  test('reports what only the commit finds out', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(`
      CREATE TABLE later (name text REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO later VALUES ('missing')`)
    await expect(session.commit()).rejects.toThrow(/violates foreign key constraint/)
  })
})

describe('outside a lifecycle call', () => {
  test('every statement stands for itself, and a text of several is all or nothing', async () => {
    const { sequelize } = plugin()
    await sequelize.query(insert('a'))
    await expect(sequelize.query(`${insert('b')}; SELECT 1/0`)).rejects.toThrow('division by zero')
    expect(await names()).toEqual(['a'])
  })

  test('a transaction that the call leaves open is rolled back when it ends', async () => {
    const { session, sequelize } = plugin()
    const transaction = await sequelize.transaction()
    await sequelize.query(insert('a'), { transaction })
    await session.end()
    expect(await names()).toEqual([])
    await expect(sequelize.query('SELECT 1')).rejects.toThrow(/has ended/)
  })

  test('a second transaction of the plugin waits for the first; statements do not', async () => {
    const first = plugin()
    const second = plugin()
    const transaction = await first.sequelize.transaction()
    const order: string[] = []
    const waiting = second.sequelize.transaction(async () => void order.push('second'))
    await second.sequelize.query('SELECT 1')
    order.push('statement')
    await transaction.commit()
    await waiting
    expect(order).toEqual(['statement', 'second'])
  })

  test('says that the database is busy when a transaction waits for too long', async () => {
    const wall = await database.openTenancy({ connectionWaitMs: 100 })
    await plugin({}, wall).sequelize.transaction()
    await expect(plugin({}, wall).sequelize.transaction()).rejects.toThrow(/connections of this plugin are all in use/)
  })

  test('a transaction ends after its time, just before it does not', async () => {
    const wall = await database.openTenancy({ transactionTimeoutMs: 400 })
    const { sequelize } = plugin({}, wall)
    await sequelize.transaction(async (transaction) => {
      await sleep(200)
      await sequelize.query(insert('in time'), { transaction })
    })
    const late = await sequelize.transaction()
    await sleep(600)
    await expect(sequelize.query(insert('late'), { transaction: late })).rejects.toThrow(/0.4 seconds|terminat/)
    expect(await names()).toEqual(['in time'])
  })

  test('a transaction of a job may take longer', async () => {
    const wall = await database.openTenancy({ transactionTimeoutMs: 400, jobTransactionTimeoutMs: 1_500 })
    const { sequelize } = plugin({ isJob: true }, wall)
    await sequelize.transaction(async (transaction) => {
      for (let row = 0; row < 4; row += 1) {
        await sleep(200)
        await sequelize.query(insert(`row ${row}`), { transaction })
      }
    })
    const late = await sequelize.transaction()
    for (let waits = 0; waits < 8; waits += 1) {
      await sleep(200)
      await sequelize.query('SELECT 1', { transaction: late }).catch(() => undefined)
    }
    await expect(sequelize.query(insert('late'), { transaction: late })).rejects.toThrow(/1.5 seconds|terminat/)
    expect(await names()).toEqual(['row 0', 'row 1', 'row 2', 'row 3'])
  })

  test('answers a DO block of IF EXISTS as its statements', async () => {
    const { sequelize } = plugin()
    const block = `DO $$ BEGIN
      IF NOT EXISTS (SELECT 1 FROM pg_type WHERE typname = 'do_mood') THEN CREATE TYPE do_mood AS ENUM ('a', 'b'); END IF;
      IF EXISTS (SELECT 1 FROM pg_type WHERE typname = 'do_mood') THEN ALTER TABLE things ADD COLUMN IF NOT EXISTS mood do_mood; END IF;
    END $$;`
    const [rows, result] = (await sequelize.query(block)) as [unknown[], unknown[]]
    expect(rows).toEqual([])
    expect(result).toMatchObject([{ command: 'DO', rowCount: null }, { command: 'DO' }])
    await sequelize.query(`${block} INSERT INTO things (name, mood) VALUES ('a', 'b')`)
    expect(await sequelize.query('SELECT * FROM things', { type: 'SELECT' })).toEqual([{ name: 'a', mood: 'b' }])
    await sequelize.query('DROP TABLE things; DROP TYPE do_mood; CREATE TABLE things (name text)')
  })

  test.each([
    `DO $$ BEGIN EXECUTE 'SELECT 1'; END $$`,
    `DO $$ BEGIN IF EXISTS (SELECT 1) THEN EXECUTE 'SELECT 1'; END IF; END $$`,
    `DO $$ DECLARE x int := 1; BEGIN IF EXISTS (SELECT 1) THEN SELECT 1; END IF; END $$`,
    `DO $$ BEGIN IF true THEN DROP TABLE things; END IF; END $$`,
    `DO $$ BEGIN IF EXISTS (SELECT 1) THEN PERFORM pg_sleep(1); END IF; END $$`,
    `DO $$ BEGIN IF EXISTS (SELECT pg_sleep(1)) THEN DROP TABLE things; END IF; END $$`,
    `DO $$ BEGIN IF EXISTS (SELECT 1) OR pg_sleep(1) IS NULL THEN DROP TABLE things; END IF; END $$`,
    `DO $$ BEGIN IF EXISTS (SELECT 1) THEN SET ROLE x; END IF; END $$`,
    `DO $$ BEGIN CREATE TYPE x AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    `DO LANGUAGE sql 'SELECT 1'`,
    `CREATE SCHEMA IF NOT EXISTS other`,
    `CREATE SCHEMA IF NOT EXISTS a4ayc80OGd`,
    `CREATE SCHEMA "a4ayc80OGd"`,
    `CREATE SCHEMA IF NOT EXISTS "a4ayc80OGd" CREATE TABLE x (a int)`,
  ])('refuses %s', async (sql) => {
    await expect(plugin().sequelize.query(sql)).rejects.toThrow(/Plugins may not run this statement|cannot include/)
  })

  test('answers CREATE SCHEMA IF NOT EXISTS of its own schema as done', async () => {
    const { sequelize } = plugin()
    await sequelize.query(`CREATE SCHEMA IF NOT EXISTS "a4ayc80OGd"; ${insert('ü')} /* ü */; ${insert('b')}`)
    expect(await names()).toEqual(['b', 'ü'])
  })

  test('says that a table exists already and is not the plugin’s', async () => {
    const { sequelize } = plugin()
    for (const sql of [
      'CREATE TABLE IF NOT EXISTS risks (id int)',
      'CREATE TABLE IF NOT EXISTS "a4ayc80OGd".risks ()',
    ]) {
      await expect(sequelize.query(`${insert('x')}; ${sql}`)).rejects.toThrow(
        'relation "risks" already exists and belongs to another plugin or to the host',
      )
    }
    await sequelize.query('CREATE TABLE IF NOT EXISTS things (id int)')
    expect(await names()).toEqual([])
  })

  test('knows the arrays of an enum that was made a moment ago', async () => {
    const { session, sequelize } = plugin({ mode: 'lifecycle' })
    await sequelize.query(`CREATE TYPE fresh AS ENUM ('a', 'b c')`)
    expect(await sequelize.query(`SELECT ARRAY['a', 'b c']::fresh[] AS f`, { type: 'SELECT' })).toEqual([
      { f: ['a', 'b c'] },
    ])
    await session.rollback()
  })
})

describe('limits', () => {
  test('a statement that takes too long is stopped by the server', async () => {
    const wall = await database.openTenancy({ statementTimeoutMs: 300 })
    await expect(plugin({}, wall).sequelize.query(busy)).rejects.toThrow('canceling statement due to statement timeout')
  })

  test('the host ends a backend that switched its own timeout off', async () => {
    const wall = await database.openTenancy({ statementTimeoutMs: 500, killGraceMs: 100 })
    const { session, sequelize } = plugin({ mode: 'lifecycle', deadlineMs: 10_000 }, wall)
    await sequelize.query('SELECT 1')
    // As if the plugin had got around the guard; in a lifecycle call the server's timeout is the deadline anyway.
    const stuck = expect(sequelize.query(busy)).rejects.toThrow()
    await sleep(200)
    await session.end()
    await stuck
    await expectNoSessions()
  })

  test('a call that is cancelled ends what it runs', async () => {
    const cancelled = new AbortController()
    const { sequelize } = plugin({ signal: cancelled.signal })
    const stuck = sequelize.query(busy)
    setTimeout(() => cancelled.abort(), 100)
    await expect(stuck).rejects.toThrow(/has ended/)
    await expect(sequelize.query('SELECT 1')).rejects.toThrow(/has ended/)
    await expectNoSessions()
  })

  test('rows: as many as the limit pass, one more does not', async () => {
    const wall = await database.openTenancy({ maxResultRows: 1_000 })
    const { sequelize } = plugin({}, wall)
    expect(await sequelize.query('SELECT generate_series(1, 1000)', { type: 'SELECT' })).toHaveLength(1_000)
    await expect(sequelize.query('SELECT generate_series(1, 1001)')).rejects.toThrow('at most 1000 rows')
    expect(await sequelize.query('SELECT 1 AS one', { type: 'SELECT' })).toEqual([{ one: 1 }])
  })

  test('bytes: just under passes, just over does not, and the server stops sending', async () => {
    const wall = await database.openTenancy({ maxResultBytes: 1_000_000 })
    const { sequelize } = plugin({}, wall)
    const text = (bytes: number) => `SELECT repeat('x', ${bytes}) AS text`
    expect(await sequelize.query(text(999_000), { type: 'SELECT' })).toHaveLength(1)
    await expect(sequelize.query(text(1_001_000))).rejects.toThrow('at most 1000000 bytes')
    await expect(
      sequelize.query(`SELECT repeat('x', 1000) FROM generate_series(1, 10000) a, generate_series(1, 500) b`),
    ).rejects.toThrow('at most 1000000 bytes')
    await expectNoSessions()
  })

  test('connections: a second role makes room by closing what the first does not use', async () => {
    const wall = await database.openTenancy({ maxConnections: 4 })
    for (let n = 0; n < 6; n++) {
      const other = await wall.ensureRole(1, `crowd-${n}`, { kind: 'declared', tenantSchema: false, tables: {} })
      await Promise.all([1, 2, 3].map(() => plugin({}, wall, other).sequelize.query('SELECT 1')))
    }
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity a JOIN tenon.plugin_roles r ON r.role = a.usename
       WHERE r.owner_key LIKE 'crowd-%'`,
    )
    expect(rows[0].count).toBeLessThanOrEqual(4)
  })

  test('connections: transactions leave a quarter to single statements', async () => {
    const wall = await database.openTenancy({ maxConnections: 4, connectionWaitMs: 300 })
    const roles = await Promise.all(
      [0, 1, 2, 3].map((n) => wall.ensureRole(1, `pin-${n}`, { kind: 'declared', tenantSchema: false, tables: {} })),
    )
    for (const each of roles.slice(0, 3)) await plugin({}, wall, each).sequelize.transaction()
    await expect(plugin({}, wall, roles[3]).sequelize.transaction()).rejects.toThrow(/all in use/)
    await plugin({}, wall, roles[3]).sequelize.query('SELECT 1')
  })

  test('a role whose password was changed is healed', async () => {
    await database.pool.query(`ALTER ROLE "${role.name}" PASSWORD 'changed'`)
    const wall = await database.openTenancy()
    await plugin({}, wall).sequelize.query('SELECT 1')
  })

  test('a role without connections left waits for one', async () => {
    await database.pool.query(`ALTER ROLE "${role.name}" CONNECTION LIMIT 1`)
    const first = await database.openTenancy({ idleConnectionMs: 300 })
    const second = await database.openTenancy()
    await tenancy.setLogin(role, false)
    await tenancy.setLogin(role, true)
    await plugin({}, first).sequelize.query('SELECT 1')
    await plugin({}, second).sequelize.query('SELECT 1')
    await database.pool.query(`ALTER ROLE "${role.name}" CONNECTION LIMIT 8`)
  })

  test('nothing of a session is left for the next: settings, tables, prepared statements', async () => {
    const { sequelize } = plugin()
    for (let n = 0; n < 5; n++) {
      const rows = await sequelize.query('SELECT current_schema() AS schema, current_user AS name', { type: 'SELECT' })
      expect(rows).toEqual([{ schema: 'a4ayc80OGd', name: role.name }])
    }
  })
})

async function expectNoSessions(): Promise<void> {
  for (let tries = 0; tries < 40 && (await countActive()) > 0; tries++) await sleep(50)
  expect(await countActive()).toBe(0)
}

/** Only members of a role see what its sessions do. */
async function countActive(): Promise<number> {
  const client = await database.pool.connect()
  try {
    await client.query(`BEGIN; GRANT "${role.name}" TO CURRENT_USER`)
    const { rows } = await client.query(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = $1 AND state = 'active'`,
      [role.name],
    )
    return rows[0].count
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}
