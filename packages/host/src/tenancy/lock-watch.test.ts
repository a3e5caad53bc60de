import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import type { PluginRole, Tenancy } from './index.js'

const patienceMs = 400
let database: TenancyDatabase
let role: PluginRole
beforeAll(async () => {
  database = await createTenancyDatabase({ lockPatienceMs: patienceMs })
  await database.tenancy.createTenant(1)
  role = await database.tenancy.ensureRole(1, 'keeper', {
    kind: 'declared',
    tenantSchema: true,
    tables: { projects: ['select', 'insert', 'update'], 'public.users': ['select'] },
  })
  await database.pool.query(`INSERT INTO "${role.schema}".projects (project_title) VALUES ('x')`)
})
afterAll(() => database?.drop())

/** A plugin that keeps what this statement locks, until its session ends. */
async function keep(sql: string, mode: 'autocommit' | 'lifecycle' = 'autocommit', tenancy: Tenancy = database.tenancy) {
  const session = tenancy.openSession(role, { mode, deadlineMs: 20_000 })
  const { sequelize } = facadeOver(session)
  const transaction = await sequelize.transaction()
  await sequelize.query(sql, { transaction })
  return { session, again: () => sequelize.query('SELECT 1', { transaction }) }
}

/** A statement of the host, or of a person who uses the application, which comes to its end only when the lock is given up. */
const workOfOthers = (sql: string) => database.pool.query(sql)

const change = () => `UPDATE "${role.schema}".projects SET project_title = 'of a person'`

describe('what a plugin has locked', () => {
  test.each([
    ['a row that a person changes', `UPDATE projects SET project_title = 'mine'`, change],
    [
      'a table of the application that is migrated',
      'SELECT id FROM public.users',
      () => 'ALTER TABLE public.users ADD COLUMN IF NOT EXISTS added int',
    ],
    ['a name that the host needs', 'CREATE TABLE wanted (a int)', () => `CREATE TABLE "${role.schema}".wanted (a int)`],
  ])('is taken from it when others wait: %s', async (_, sql, others) => {
    const { session, again } = await keep(sql)
    await workOfOthers(others())
    await expect(again()).rejects.toThrow('others had been waiting for what it had locked for longer than 0.4 seconds')
    await session.end()
  })

  test('is taken from it during a lifecycle call as well', async () => {
    const { session } = await keep(`UPDATE projects SET project_title = 'mine'`, 'lifecycle')
    await workOfOthers(change())
    await expect(session.commit()).rejects.toThrow()
    await session.end()
  })

  test('is taken from it by the replica that holds its connection', async () => {
    const other = await database.openTenancy({ lockPatienceMs: patienceMs })
    const { session, again } = await keep(`UPDATE projects SET project_title = 'mine'`, 'autocommit', other)
    await workOfOthers(change())
    await expect(again()).rejects.toThrow('others had been waiting')
    await session.end()
  })

  test('is taken from it when so many wait that the host has no connection left', async () => {
    const { session, again } = await keep(`UPDATE projects SET project_title = 'mine'`)
    const began = performance.now()
    await Promise.all(Array.from({ length: database.pool.options.max + 5 }, () => workOfOthers(change())))
    expect(performance.now() - began).toBeLessThan(patienceMs * 10)
    await expect(again()).rejects.toThrow('others had been waiting')
    await session.end()
  })

  test('is left to it while nobody waits, and when somebody waits for a moment only', async () => {
    const { session, again } = await keep(`UPDATE projects SET project_title = 'mine'`)
    await sleep(patienceMs * 1.5)
    const impatient = database.pool.connect().then(async (client) => {
      await client.query(`SET lock_timeout = ${patienceMs / 4}`)
      await client.query(change()).catch(() => {})
      await client.query('RESET lock_timeout')
      client.release()
    })
    await impatient
    await expect(again()).resolves.toBeDefined()
    await session.end()
  })

  test('is left to it for longer where the operator says so', async () => {
    const patient = await database.openTenancy({ lockPatienceMs: 60_000 })
    const { session, again } = await keep(`UPDATE projects SET project_title = 'mine'`, 'autocommit', patient)
    const others = workOfOthers(change())
    await sleep(patienceMs * 2)
    await expect(again()).resolves.toBeDefined()
    await session.end()
    await others
  })
})

describe('what holds more locks than maxLocks', () => {
  const tables = 120
  let many: PluginRole
  beforeAll(async () => {
    many = await database.tenancy.ensureRole(1, 'locker', { kind: 'declared', tenantSchema: true, tables: {} })
    const session = database.tenancy.openSession(many, { mode: 'autocommit', deadlineMs: 20_000 })
    const { sequelize } = facadeOver(session)
    await sequelize.query('CREATE TABLE parts (a int) PARTITION BY LIST (a)')
    const parts = Array.from(
      { length: tables },
      (_, at) => `CREATE TABLE part_${at} PARTITION OF parts FOR VALUES IN (${at})`,
    )
    await sequelize.query(parts.join(';'))
    await session.end()
  })

  async function lock(maxLocks: number) {
    const tenancy = await database.openTenancy({ lockPatienceMs: patienceMs, maxLocks })
    const session = tenancy.openSession(many, { mode: 'autocommit', deadlineMs: 20_000 })
    const { sequelize } = facadeOver(session)
    const transaction = await sequelize.transaction()
    await sequelize.query('SELECT count(*) FROM parts', { transaction })
    await sleep(patienceMs * 2)
    return { session, again: () => sequelize.query('SELECT 1', { transaction }) }
  }

  test('is ended, before nobody else finds room for one', async () => {
    const { session, again } = await lock(tables)
    await expect(again()).rejects.toThrow(`more than ${tables} locks`)
    await session.end()
  })

  test('is left alone with fewer', async () => {
    const { session, again } = await lock(tables * 2)
    await expect(again()).resolves.toBeDefined()
    await session.end()
  })
})
