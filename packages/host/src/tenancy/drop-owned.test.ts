import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import { dropOwnedInParts } from './drop-owned.js'
import type { PluginRole } from './index.js'

let database: TenancyDatabase
beforeAll(async () => {
  database = await createTenancyDatabase({ maxRelations: 1_000_000 })
  await database.tenancy.createTenant(1)
})
afterAll(() => database?.drop())

async function roleWith(ownerKey: string, statements: string[]): Promise<PluginRole> {
  const role = await database.tenancy.ensureRole(1, ownerKey, { kind: 'declared', tenantSchema: true, tables: {} })
  const session = database.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 60_000 })
  const { sequelize } = facadeOver(session)
  for (const sql of statements) await sequelize.query(sql)
  await session.end()
  return role
}

async function left({ name }: PluginRole): Promise<unknown[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class WHERE pg_get_userbyid(relowner) = $1
     UNION ALL SELECT oid::regtype::text FROM pg_type WHERE pg_get_userbyid(typowner) = $1`,
    [name],
  )
  return rows
}

const numbers = (length: number) => Array.from({ length }, (_, at) => at)

describe('dropping what a role owns in parts', () => {
  test('ends with tables, parts of tables, references to each other, and names that need quotes', async () => {
    const role = await roleWith('many', [
      'CREATE TABLE a (id int PRIMARY KEY)',
      'CREATE TABLE b (id int PRIMARY KEY REFERENCES a)',
      'ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES b',
      'CREATE TABLE "c""; SELECT 1; --" (id int)',
      'CREATE TABLE parts (id int) PARTITION BY LIST (id)',
      'CREATE INDEX ON parts (id)',
      ...numbers(30).map((at) => `CREATE TABLE part_${at} PARTITION OF parts FOR VALUES IN (${at})`),
      ...numbers(30).flatMap((at) => [`CREATE SEQUENCE s_${at}`, `CREATE TYPE e_${at} AS ENUM ('x')`]),
      'CREATE TABLE counted (id serial, e e_0)',
      'CREATE TABLE parent (id int)',
      'CREATE TABLE child () INHERITS (parent)',
    ])
    await dropOwnedInParts(database.pool, role.name, 20)
    expect(await left(role)).toEqual([])
    await database.tenancy.eraseRole(role)
  })

  test('ends with a table that has more indexes and constraints than one part', async () => {
    const role = await roleWith('indexed', [
      'CREATE TABLE t (id int)',
      ...numbers(20).map((at) => `CREATE INDEX i_${at} ON t (id)`),
      ...numbers(20).map((at) => `ALTER TABLE t ADD CONSTRAINT u_${at} UNIQUE (id)`),
    ])
    await dropOwnedInParts(database.pool, role.name, 20)
    expect(await left(role)).toEqual([])
    await database.tenancy.eraseRole(role)
  })
})

describe('erasing a role', () => {
  test('succeeds though it owns more than the server has locks for', { timeout: 240_000 }, async () => {
    const { rows } = await database.pool.query<{ locks: number }>(
      `SELECT current_setting('max_locks_per_transaction')::int * (current_setting('max_connections')::int + 50) AS locks`,
    )
    const parts = Math.ceil((1.5 * (rows[0]?.locks ?? 0)) / 60)
    const role = await roleWith('vast', [
      'CREATE TABLE parts (id int) PARTITION BY LIST (id)',
      ...numbers(60).map((at) => `CREATE INDEX p_${at} ON parts (id)`),
      ...numbers(parts).map((at) => `CREATE TABLE part_${at} PARTITION OF parts FOR VALUES IN (${at})`),
    ])
    await database.tenancy.eraseRole(role)
    expect(await database.tenancy.findRole(1, 'vast')).toBeUndefined()
  })
})

describe('a session that does not listen', () => {
  /** Compares each number of one list with each of another, for some seconds, and looks at nothing meanwhile. */
  const deaf = (length: number) => `SELECT array_fill(1, ARRAY[${length}]) <@ (array_fill(0, ARRAY[${length}]) || 1)`

  async function roleWithDeafSession(ownerKey: string, sql: string) {
    const role = await roleWith(ownerKey, ['CREATE TABLE own (id int)', 'INSERT INTO own VALUES (1)'])
    const session = database.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 60_000 })
    const over = facadeOver(session)
      .sequelize.query(sql)
      .catch(() => {})
    await sleep(300)
    return { role, over }
  }

  test('keeps nobody from taking the login, or erasing the role', async () => {
    const { role, over } = await roleWithDeafSession('deaf', deaf(80_000))
    const { rows } = await database.pool.query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE usename = $1', [
      role.name,
    ])
    await database.tenancy.setLogin(role, false)
    await database.tenancy.eraseRole(role)
    expect(await database.tenancy.findRole(1, 'deaf')).toBeUndefined()
    const left = await database.pool.query('SELECT FROM pg_stat_activity WHERE pid = ANY ($1)', [
      rows.map(({ pid }) => pid),
    ])
    expect(left.rowCount).toBe(1)
    await over
  })

  test('and holds a table: erasing says so, and succeeds later', { timeout: 120_000 }, async () => {
    const { role, over } = await roleWithDeafSession('deaf-keeper', `${deaf(60_000)} FROM own`)
    await expect(database.tenancy.eraseRole(role)).rejects.toThrow('lock timeout')
    await over
    const erased = () => database.tenancy.eraseRole(role).then(() => 'erased', String)
    await expect.poll(erased, { timeout: 100_000 }).toBe('erased')
    expect(await database.tenancy.findRole(1, 'deaf-keeper')).toBeUndefined()
  })
})
