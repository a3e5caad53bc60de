import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import type { DatabaseSession, PluginRole, RolePermissions } from './index.js'

let database: TenancyDatabase

beforeAll(async () => {
  database = await createTenancyDatabase()
})
afterAll(() => database.drop())

const ownTables: RolePermissions = { kind: 'declared', tenantSchema: true, tables: {} }

interface Answer {
  results?: { rows: unknown[][]; rowCount: number | null; fields: { name: string }[] }[]
  error?: { message: string; code: string }
}

function sessionOf(role: PluginRole, mode: 'autocommit' | 'lifecycle' = 'autocommit'): DatabaseSession {
  return database.tenancy.openSession(role, { mode, deadlineMs: 20_000 })
}

async function run(role: PluginRole, sql: string, bind?: unknown[]): Promise<Answer> {
  const session = sessionOf(role)
  try {
    return (await session.handlers['db.query']({ sql, ...(bind && { bind }) })) as Answer
  } finally {
    await session.end()
  }
}

describe('a tenant', () => {
  test('has its own schema with the host tables, owned by the host', async () => {
    const tenant = await database.tenancy.createTenant(1)
    expect(tenant).toEqual({ organizationId: 1, schema: 'a4ayc80OGd', state: 'active', problem: null })
    const { rows } = await database.pool.query(
      `SELECT tablename, tableowner = current_user AS own FROM pg_tables WHERE schemaname = 'a4ayc80OGd' ORDER BY 1`,
    )
    expect(rows).toEqual([
      { tablename: 'plugin_installations', own: true },
      { tablename: 'projects', own: true },
      { tablename: 'risks', own: true },
    ])
  })

  test('lets a plugin make and use a table', async () => {
    await database.tenancy.createTenant(1)
    const role = await database.tenancy.ensureRole(1, 'first', ownTables)
    expect(role.name).toMatch(/^tn_[a-z2-7]{20}$/)
    expect(await run(role, 'CREATE TABLE notes (id serial PRIMARY KEY, text text)')).toMatchObject({
      results: [{ rowCount: null }],
    })
    expect(await run(role, 'INSERT INTO notes (text) VALUES ($1) RETURNING id', ['hello'])).toMatchObject({
      results: [{ rows: [[1]], rowCount: 1 }],
    })
    await database.tenancy.eraseRole(role)
    const { rows } = await database.pool.query(`SELECT to_regclass('"a4ayc80OGd".notes') AS notes`)
    expect(rows[0].notes).toBeNull()
  })
})
