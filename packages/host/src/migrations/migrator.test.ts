import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHostDatabase, createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import { facadeOver } from '../testing/facade.js'
import type { RolePermissions } from '../tenancy/index.js'
import { quoteIdentifier as quote } from './sql-text.js'
import {
  createMigrator,
  hostPlatformMigrations,
  hostTenantMigrations,
  type PlatformMigration,
  type TenantMigration,
} from './index.js'

const ofPlatform = hostPlatformMigrations.map(({ name }) => name)
const ofTenant = hostTenantMigrations.map(({ name }) => name)

let database: Awaited<ReturnType<typeof createHostDatabase>>

function useDatabase(): void {
  beforeEach(async () => {
    database = await createHostDatabase()
  })
  afterEach(() => database.drop())
}

const makeTable = (name: string, table = name): TenantMigration => ({
  name,
  up: (client, { schema }) => client.query(`CREATE TABLE ${quote(schema)}.${quote(table)} (a int)`).then(() => {}),
  down: (client, { schema }) => client.query(`DROP TABLE ${quote(schema)}.${quote(table)}`).then(() => {}),
})

const broken = (organizationId: number): TenantMigration => ({
  name: 'broken',
  up: async (client, scope) => {
    await client.query(`CREATE TABLE ${quote(scope.schema)}.half (a int)`)
    if (scope.organizationId === organizationId) await client.query('SELECT 1/0')
  },
  down: async () => {},
})

const appPlatform: PlatformMigration = {
  name: 'app',
  up: (client) => client.query('CREATE TABLE public.app (a int)').then(() => {}),
  down: (client) => client.query('DROP TABLE public.app').then(() => {}),
}

function migratorOf(tenant: TenantMigration[], platform: PlatformMigration[] = [], pool: pg.Pool = database.pool) {
  return createMigrator({
    pool,
    platform: [...hostPlatformMigrations, ...platform],
    tenant: [...hostTenantMigrations, ...tenant],
  })
}

/** Tenants as they are before their migrations. */
async function addTenants(count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    await database.pool.query(`CREATE SCHEMA "tenant${n}"`)
    await database.pool.query(`INSERT INTO tenon.tenants VALUES ($1, $2, 'active')`, [n, `tenant${n}`])
  }
}

async function tables(schema: string): Promise<string[]> {
  const { rows } = await database.pool.query(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    [schema],
  )
  return rows.map((row) => row.name)
}

describe('up', () => {
  useDatabase()

  test('makes the platform first, then every tenant, and does nothing when it is repeated', async () => {
    const migrator = migratorOf([makeTable('one')], [appPlatform])
    expect((await migrator.status()).platform.pending).toEqual([...ofPlatform, 'app'])
    expect((await migrator.up()).platform).toHaveLength(ofPlatform.length + 1)
    await addTenants(2)
    expect((await migrator.status()).tenants).toMatchObject([
      { organizationId: 1, pending: [...ofTenant, 'one'] },
      { organizationId: 2 },
    ])
    const report = await migrator.up()
    expect(report.tenants).toHaveLength(2)
    expect(report.platform).toEqual([])
    expect(await tables('tenant1')).toEqual(['one', 'plugin_installations'])
    expect(await migrator.up()).toEqual({ platform: [], tenants: [], degraded: [] })
    expect(await migrator.status()).toMatchObject({ tenants: [], changed: [] })
  })

  test('asks one query when there is nothing to do, whatever the number of tenants', async () => {
    const migrator = migratorOf([])
    await migrator.up()
    await addTenants(20)
    await migrator.up()
    const seen: string[] = []
    const counting = new Proxy(database.pool, {
      get: (pool, key) =>
        key === 'query' || key === 'connect'
          ? (...args: unknown[]) => {
              seen.push(String(key))
              return (pool[key] as (...args: unknown[]) => unknown).apply(pool, args)
            }
          : Reflect.get(pool, key),
    })
    await migratorOf([], [], counting).up()
    expect(seen).toEqual(['query'])
  })

  test('goes on where it was cut off', async () => {
    await migratorOf([]).up()
    await addTenants(3)
    await migratorOf([makeTable('one')]).migrateTenant({ organizationId: 2, schema: 'tenant2' })
    const report = await migratorOf([makeTable('one'), makeTable('two')]).up()
    expect(report.tenants.map(({ organizationId, applied }) => [organizationId, applied.length])).toEqual([
      [1, ofTenant.length + 2],
      [2, 1],
      [3, ofTenant.length + 2],
    ])
  })

  test('marks a tenant that cannot migrate, leaves nothing half done in it, and goes on with the others', async () => {
    await migratorOf([]).up()
    await addTenants(3)
    const report = await migratorOf([broken(2)]).up()
    expect(report.tenants.map((tenant) => tenant.organizationId)).toEqual([1, 3])
    expect(report.degraded).toEqual([{ organizationId: 2, schema: 'tenant2', error: 'broken: division by zero' }])
    expect(await tables('tenant2')).toEqual([])
    const { rows } = await database.pool.query('SELECT state, problem FROM tenon.tenants ORDER BY organization_id')
    expect(rows).toEqual([
      { state: 'active', problem: null },
      { state: 'degraded', problem: 'broken: division by zero' },
      { state: 'active', problem: null },
    ])
    expect((await migratorOf([broken(0)]).up()).tenants).toMatchObject([{ organizationId: 2 }])
    expect((await database.pool.query(`SELECT FROM tenon.tenants WHERE state = 'degraded'`)).rowCount).toBe(0)
  })

  test('stops at a platform step that fails and leaves nothing of the run', async () => {
    const failing: PlatformMigration = {
      name: 'failing',
      up: (client) => client.query('SELECT 1/0').then(() => {}),
      down: async () => {},
    }
    await expect(migratorOf([], [appPlatform, failing]).up()).rejects.toThrow('failing: division by zero')
    expect(await tables('public')).toEqual([])
    await migratorOf([], [appPlatform]).up()
    expect(await tables('public')).toEqual(['app'])
  })

  test('is shared by replicas that start at the same time', async () => {
    const replicas = [0, 1, 2].map(() => migratorOf([makeTable('one'), makeTable('two')], [appPlatform]))
    const first = await Promise.all(replicas.map((replica) => replica.up()))
    expect(first.flatMap((report) => report.platform)).toHaveLength(ofPlatform.length + 1)
    await addTenants(12)
    const second = await Promise.all(replicas.map((replica) => replica.up()))
    expect(second.flatMap((report) => report.tenants)).toHaveLength(12)
    expect(second.flatMap((report) => report.degraded)).toEqual([])
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS count FROM tenon.migrations WHERE scope LIKE 'tenant%'`,
    )
    expect(rows).toEqual([{ count: 12 * (ofTenant.length + 2) }])
  })

  test('does not wait for a lock for longer than it may', async () => {
    await migratorOf([makeTable('one')]).up()
    await addTenants(1)
    await migratorOf([makeTable('one')]).up()
    const holder = await database.pool.connect()
    await holder.query('BEGIN; LOCK TABLE tenant1.one')
    const alter: TenantMigration = {
      name: 'alter',
      up: (client, { schema }) => client.query(`ALTER TABLE ${quote(schema)}.one ADD b int`).then(() => {}),
      down: async () => {},
    }
    const report = await createMigrator({
      pool: database.pool,
      platform: hostPlatformMigrations,
      tenant: [...hostTenantMigrations, makeTable('one'), alter],
      lockTimeoutMs: 200,
    }).up()
    await holder.query('ROLLBACK')
    holder.release()
    expect(report.degraded).toMatchObject([{ error: 'alter: canceling statement due to lock timeout' }])
  })
})

describe('down', () => {
  useDatabase()

  test('undoes a number of steps, or everything after a step', async () => {
    const scope = { organizationId: 1, schema: 'tenant1' }
    const migrator = migratorOf([makeTable('one'), makeTable('two'), makeTable('three')])
    await migrator.up()
    await addTenants(1)
    await migrator.up()
    expect(await migrator.down({ scope, steps: 1 })).toEqual(['three'])
    expect(await migrator.down({ scope, to: 'one' })).toEqual(['two'])
    expect(await tables('tenant1')).toEqual(['one', 'plugin_installations'])
    expect((await migrator.down({ scope, to: 0 })).length).toBe(ofTenant.length + 1)
    expect(await tables('tenant1')).toEqual([])
    expect((await migrator.down({ scope: 'platform', to: 0 })).length).toBe(ofPlatform.length)
    expect((await migrator.up()).platform).toHaveLength(ofPlatform.length)
  })
})

describe('a name that a plugin took', () => {
  let wall: TenancyDatabase
  let organizationId = 0

  beforeAll(async () => {
    wall = await createTenancyDatabase()
  })
  afterAll(() => wall.drop())

  test.each([
    ['a table', 'CREATE TABLE "models" (secret text)', 'CREATE TABLE'],
    ['a table, before IF NOT EXISTS', 'CREATE TABLE "models" (secret text)', 'CREATE TABLE IF NOT EXISTS'],
    ['an index', 'CREATE TABLE x (a int); CREATE INDEX "models" ON x (a)', 'CREATE TABLE'],
    ['a sequence', 'CREATE SEQUENCE "models"', 'CREATE TABLE'],
    ['a type', `CREATE TYPE "models" AS ENUM ('a')`, 'CREATE TABLE'],
  ])('%s is renamed, recorded, and the host’s table is the host’s', async (_, squat, create) => {
    organizationId += 1
    const { schema } = await wall.tenancy.createTenant(organizationId)
    const own: RolePermissions = { kind: 'declared', tenantSchema: true, tables: {} }
    const role = await wall.tenancy.ensureRole(organizationId, 'squatter', own)
    const session = wall.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 10_000 })
    await facadeOver(session).sequelize.query(`${squat}; CREATE TABLE models__plugin_1 (a int)`)
    const models: TenantMigration = {
      name: 'models',
      up: (client, scope) => client.query(`${create} ${quote(scope.schema)}.models (a int)`).then(() => {}),
      down: async () => {},
    }
    const migrator = createMigrator({ pool: wall.pool, platform: [], tenant: [models] })
    expect(await migrator.migrateTenant({ organizationId, schema })).toEqual(['models'])
    const { rows } = await wall.pool.query(
      `SELECT pg_get_userbyid(relowner) = current_user AS own FROM pg_class WHERE oid = to_regclass($1)`,
      [`${quote(schema)}.models`],
    )
    expect(rows).toEqual([{ own: true }])
    const renamed = await wall.pool.query(
      'SELECT name, renamed_to, role FROM tenon.renamed_relations WHERE organization_id = $1',
      [organizationId],
    )
    expect(renamed.rows).toEqual([{ name: 'models', renamed_to: 'models__plugin_2', role: role.name }])
    await session.end()
  })
})
