import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import {
  applicationGrantable,
  createTenancyDatabase,
  type TenancyDatabase,
  testRoleKey,
} from '../testing/tenancy-database.js'
import { createTenancy, type DatabaseSession, type PluginRole, type RolePermissions, type Tenancy } from './index.js'

let database: TenancyDatabase
let tenancy: Tenancy

beforeAll(async () => {
  database = await createTenancyDatabase()
  tenancy = database.tenancy
  await tenancy.createTenant(1)
})
afterAll(() => database?.drop())

const ownTables: RolePermissions = { kind: 'declared', tenantSchema: true, tables: {} }
const declared = (tables: Record<string, string[]>, tenantSchema = false): RolePermissions => ({
  kind: 'declared',
  tenantSchema,
  tables,
})

async function query(role: PluginRole, sql: string, wall = tenancy): Promise<unknown> {
  const session: DatabaseSession = wall.openSession(role, { mode: 'autocommit', deadlineMs: 20_000 })
  try {
    return await facadeOver(session).sequelize.query(sql, { type: 'SELECT' })
  } finally {
    await session.end()
  }
}

async function rolesOnServer(names: string[]): Promise<number> {
  const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM pg_roles WHERE rolname = ANY ($1)', [
    names,
  ])
  return rows[0].count
}

describe('a tenant', () => {
  test('has its own schema with the host tables, owned by the host', async () => {
    expect(await tenancy.findTenant(1)).toEqual({
      organizationId: 1,
      schema: 'a4ayc80OGd',
      state: 'active',
      problem: null,
    })
    const { rows } = await database.pool.query(
      `SELECT tablename, tableowner = current_user AS own FROM pg_tables WHERE schemaname = 'a4ayc80OGd' ORDER BY 1`,
    )
    expect(rows).toEqual([
      { tablename: 'plugin_installations', own: true },
      { tablename: 'projects', own: true },
      { tablename: 'risks', own: true },
    ])
  })

  test('can be created again, which finishes what was cut off', async () => {
    await database.pool.query(`INSERT INTO tenon.tenants VALUES (3, $1, 'creating')`, ['TggHC9X7zE'])
    await database.pool.query(`DELETE FROM tenon.tenants WHERE organization_id = 3`)
    const first = await tenancy.createTenant(3)
    expect(await tenancy.createTenant(3)).toEqual(first)
    expect((await tenancy.listTenants()).map((tenant) => tenant.organizationId)).toEqual([1, 3])
  })

  test('disappears without a trace, and its removal can be repeated after a crash', async () => {
    const { schema } = await tenancy.createTenant(4)
    const role = await tenancy.ensureRole(4, 'gone', { ...ownTables, publish: ['x'] } as RolePermissions)
    await query(role, `CREATE TABLE mine (a int); SELECT tenon_api.publish('x', '{}')`)
    await database.pool.query(`UPDATE tenon.tenants SET state = 'removing' WHERE organization_id = 4`)
    await tenancy.removeTenant(4)
    const { rows } = await database.pool.query(
      `SELECT 'schema' AS trace FROM pg_namespace WHERE nspname = $1
       UNION ALL SELECT 'role' FROM pg_roles WHERE rolname = $2
       UNION ALL SELECT 'tenant' FROM tenon.tenants WHERE organization_id = 4
       UNION ALL SELECT 'role row' FROM tenon.plugin_roles WHERE organization_id = 4
       UNION ALL SELECT 'outbox' FROM tenon.outbox WHERE organization_id = 4
       UNION ALL SELECT 'ledger' FROM tenon.migrations WHERE scope = $1`,
      [schema, role.name],
    )
    expect(rows).toEqual([])
    await expect(tenancy.removeTenant(4)).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
    await expect(tenancy.ensureRole(4, 'gone', ownTables)).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' })
  })

  test('knows its size on disk', async () => {
    const before = await tenancy.schemaBytes(1)
    const role = await tenancy.ensureRole(1, 'large', ownTables)
    await query(role, 'CREATE TABLE large AS SELECT n, repeat(n::text, 100) AS t FROM generate_series(1, 1000) n')
    expect(await tenancy.schemaBytes(1)).toBeGreaterThan(before + 100_000)
    await tenancy.eraseRole(role)
    expect(await tenancy.schemaBytes(1)).toBe(before)
  })
})

describe('a role', () => {
  test('has an opaque name of its own, however long the keys are', async () => {
    const long = 'x'.repeat(80)
    const first = await tenancy.ensureRole(1, `${long}-first`, ownTables)
    const second = await tenancy.ensureRole(1, `${long}-second`, ownTables)
    expect(first.name).toMatch(/^tn_[a-z2-7]{20}$/)
    expect(second.name).not.toBe(first.name)
    await query(first, 'CREATE TABLE long_names (a int)')
    await expect(query(second, 'SELECT * FROM long_names')).rejects.toThrow('permission denied')
  })

  test('has exactly the declared grants, and those of an update instead of the old ones', async () => {
    const role = await tenancy.ensureRole(1, 'updated', declared({ risks: ['select', 'insert'] }, true))
    expect(role.created).toBe(true)
    await query(role, `INSERT INTO risks (risk_name) VALUES ('a'); CREATE TABLE updated_own (a int)`)
    const again = await tenancy.ensureRole(1, 'updated', declared({ projects: ['select'] }))
    expect(again).toMatchObject({ name: role.name, created: false })
    await query(role, 'SELECT * FROM projects; SELECT * FROM updated_own')
    await expect(query(role, 'SELECT * FROM risks')).rejects.toThrow('permission denied for table risks')
    await expect(query(role, `INSERT INTO risks (risk_name) VALUES ('b')`)).rejects.toThrow('permission denied')
    await expect(query(role, 'CREATE TABLE another (a int)')).rejects.toThrow('permission denied for schema')
  })

  test('gets the columns of the ceiling, not more', async () => {
    const role = await tenancy.ensureRole(1, 'columns', declared({ projects: ['select', 'insert', 'update'] }))
    await query(role, `INSERT INTO projects (project_title) VALUES ('a'); UPDATE projects SET project_title = 'b'`)
    await expect(query(role, 'UPDATE projects SET id = 7')).rejects.toThrow('permission denied')
    await expect(query(role, 'DELETE FROM projects')).rejects.toThrow('permission denied')
  })

  test.each([
    ['a table that is not grantable', { organizations: ['select'] }],
    ['a privilege that is not grantable', { risks: ['delete'] }],
    ['a privilege that does not exist', { risks: ['truncate'] }],
    ['a name of every object', { constructor: ['select'] }],
    ['a privilege of every object', { risks: ['toString'] }],
    ['a table of public by its bare name', { users: ['select'] }],
    ['SQL for a table', { 'risks TO PUBLIC; --': ['select'] }],
    ['SQL for a privilege', { risks: ['select ON risks TO PUBLIC; --'] }],
  ])('is not made for %s', async (_, tables) => {
    await expect(tenancy.ensureRole(1, 'greedy', declared(tables))).rejects.toMatchObject({
      code: 'PERMISSION_NOT_GRANTABLE',
    })
    expect(await tenancy.findRole(1, 'greedy')).toBeUndefined()
  })

  test('of the compatibility profile gets the part of its list that the application grants', async () => {
    const role = await tenancy.ensureRole(1, 'source:abc', { kind: 'compatibility' })
    await query(role, `INSERT INTO risks (risk_name) VALUES ('compat'); SELECT * FROM risks; SELECT * FROM projects`)
    await query(role, `INSERT INTO slack_webhooks (url) VALUES ('x'); UPDATE slack_webhooks SET url = 'y'`)
    expect(await query(role, 'SELECT id FROM public.users')).toEqual([{ id: 1 }])
    await expect(query(role, 'DELETE FROM risks')).rejects.toThrow('permission denied')
    await expect(query(role, 'SELECT password_hash FROM public.users')).rejects.toThrow('permission denied')
    expect(await query(role, `SELECT count(*) FROM information_schema.tables`)).toHaveLength(1)
    await query(role, 'CREATE TABLE compat_own (id int REFERENCES risks (id))').catch((error: Error) => {
      expect(error.message).toContain('permission denied')
    })
  })

  test('is made once by replicas that start at the same time', async () => {
    const walls = [tenancy, await database.openTenancy(), await database.openTenancy()]
    const made = await Promise.all(walls.map((wall) => wall.ensureRole(1, 'racing', ownTables)))
    expect(made.filter((role) => role.created)).toHaveLength(1)
    expect(new Set(made.map((role) => role.name)).size).toBe(1)
  })

  test('can be made for many plugins and tenants at the same time', async () => {
    await tenancy.createTenant(5)
    const users = declared({ 'public.users': ['select'], risks: ['insert'] }, true)
    const keys = Array.from({ length: 12 }, (_, n) => `parallel-${n}`)
    const roles = await Promise.all(keys.map((key, n) => tenancy.ensureRole(n % 2 ? 1 : 5, key, users)))
    await Promise.all(roles.map((role) => tenancy.eraseRole(role)))
    expect(await rolesOnServer(roles.map((role) => role.name))).toBe(0)
  })
})

describe('uninstalling', () => {
  test('and erasing leaves no role, table, type, sequence, grant or session', async () => {
    const role = await tenancy.ensureRole(
      1,
      'erased',
      declared({ 'public.users': ['select'], risks: ['insert'] }, true),
    )
    const open = tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 20_000 })
    await facadeOver(open).sequelize.transaction()
    await query(
      role,
      `CREATE TYPE erased_type AS ENUM ('a'); CREATE SEQUENCE erased_sequence;
       CREATE TABLE erased (id serial, t erased_type); COMMENT ON TABLE erased IS 'x'`,
    )
    await tenancy.eraseRole(role)
    await tenancy.eraseRole(role)
    await open.end()
    expect(await rolesOnServer([role.name])).toBe(0)
    const { rows } = await database.pool.query(
      `SELECT relname AS name FROM pg_class WHERE relname LIKE 'erased%'
       UNION ALL SELECT typname FROM pg_type WHERE typname LIKE '%erased%'
       UNION ALL SELECT usename FROM pg_stat_activity WHERE usename = $1
       UNION ALL SELECT role FROM tenon.plugin_roles WHERE role = $1`,
      [role.name],
    )
    expect(rows).toEqual([])
  })

  test('and keeping makes the role unusable and its tables stay until it comes back', async () => {
    const role = await tenancy.ensureRole(1, 'kept', ownTables)
    await query(role, 'CREATE TABLE kept (a int); INSERT INTO kept VALUES (7)')
    const running = tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 20_000 })
    const transaction = await facadeOver(running).sequelize.transaction()
    await tenancy.keepRole(role)
    await expect(transaction.commit()).rejects.toThrow()
    await running.end()
    await expect(query(role, 'SELECT * FROM kept')).rejects.toThrow(/not permitted to log in|DISABLED|disabled/)
    expect((await tenancy.findRole(1, 'kept'))?.login).toBe(false)
    const back = await tenancy.ensureRole(1, 'kept', ownTables)
    expect(back).toMatchObject({ name: role.name, created: false, login: true })
    expect(await query(back, 'SELECT * FROM kept')).toEqual([{ a: 7 }])
  })
})

describe('plugins that share a role', () => {
  test('lose at uninstall the tables that they alone have created', async () => {
    const role = await tenancy.ensureRole(1, 'source:family', { kind: 'compatibility' })
    const as = async (recordTablesOf: string, mode: 'autocommit' | 'lifecycle', sql: string) => {
      const session = tenancy.openSession(role, { mode, deadlineMs: 10_000, recordTablesOf })
      await facadeOver(session).sequelize.query(sql)
      await session.commit()
      await session.end()
    }
    await as('one', 'lifecycle', 'CREATE TABLE of_one (a int); CREATE TABLE of_both (a int)')
    await as('one', 'autocommit', 'CREATE TABLE of_one_later AS SELECT 1 AS a')
    await as('two', 'lifecycle', 'CREATE TABLE IF NOT EXISTS of_both (a int); CREATE TABLE of_two (a int)')
    expect((await tenancy.eraseTablesOf(role, 'one')).sort()).toEqual(['of_one', 'of_one_later'])
    await query(role, 'SELECT * FROM of_both; SELECT * FROM of_two')
    expect((await tenancy.eraseTablesOf(role, 'two')).sort()).toEqual(['of_both', 'of_two'])
    expect(await tenancy.eraseTablesOf(role, 'two')).toEqual([])
  })
})

describe('two databases on one server', () => {
  test('have roles of their own for the same plugin of the same organization', async () => {
    const other = await createTenancyDatabase()
    try {
      await other.tenancy.createTenant(1)
      const here = await tenancy.ensureRole(1, 'twice', ownTables)
      const there = await other.tenancy.ensureRole(1, 'twice', ownTables)
      expect(there.name).not.toBe(here.name)
      await query(here, 'CREATE TABLE twice (a int)')
      await query(there, 'CREATE TABLE twice (b int)', other.tenancy)
      await other.tenancy.eraseRole(there)
      expect(await query(here, 'SELECT * FROM twice')).toEqual([])
    } finally {
      await other.drop()
    }
  })
})

describe('a ceiling that would let tenants reach each other is refused at start', () => {
  test.each([
    ['writing to a shared table without an organization', { scope: 'public', privileges: { insert: true } }],
    ['references to a shared table', { scope: 'public', privileges: { references: ['id'] }, organizationColumn: 'o' }],
    ['changing the organization of a row', { scope: 'public', privileges: { update: true }, organizationColumn: 'o' }],
    ['a tenant table under the name of a public one', { scope: 'tenant', privileges: { select: true } }],
  ] as const)('%s', async (_, table) => {
    const { pool, connection, migrator } = database
    const grantable = { ...applicationGrantable, 'public.things': table as never }
    await expect(createTenancy({ pool, connection, migrator, roleKey: testRoleKey, grantable })).rejects.toThrow(
      'Grantable table "public.things"',
    )
  })
})

test('the host is a member of no plugin role', async () => {
  const { rows } = await database.pool.query(
    `SELECT r.role FROM tenon.plugin_roles r
     WHERE pg_has_role(current_user, r.role, 'USAGE') OR pg_has_role(current_user, r.role, 'MEMBER')
        AND EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.roleid
                    WHERE p.rolname = r.role AND m.member = current_user::regrole AND NOT m.admin_option)`,
  )
  expect(rows).toEqual([])
})

test('a bare connection with a wrong password is refused', async () => {
  const role = await tenancy.ensureRole(1, 'wrong-password', ownTables)
  const client = new pg.Client({ ...database.connection, user: role.name, password: 'wrong' })
  await expect(client.connect()).rejects.toMatchObject({ code: '28P01' })
})
