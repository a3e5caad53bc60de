import { installationTransitions, storedInstallationStatuses } from '@tenon/contract'
import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getTenantHash } from '../../tenancy/tenant-hash.js'
import { createMigrator, hostPlatformMigrations, hostTenantMigrations, type Migrator } from '../index.js'

let database: TestDatabase
let pool: pg.Pool
let migrator: Migrator
const first = { organizationId: 1, schema: getTenantHash(1) }
const second = { organizationId: 2, schema: getTenantHash(2) }
const tenants = [first, second]
const { schema } = first

beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool({ ...database.connection, max: 2 })
  migrator = createMigrator({ pool, platform: hostPlatformMigrations, tenant: hostTenantMigrations })
  await migrator.up()
  for (const { organizationId, schema: name } of tenants) {
    await pool.query(`CREATE SCHEMA "${name}"`)
    await pool.query(`INSERT INTO tenon.tenants (organization_id, schema, state) VALUES ($1, $2, 'active')`, [
      organizationId,
      name,
    ])
  }
  await migrator.up()
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

test('every organization has the table, with the columns, types and defaults of the seed', async () => {
  const { rows } = await pool.query<Record<string, string>>(
    `SELECT table_schema AS schema, column_name || ' ' || data_type || coalesce('(' || character_maximum_length || ')', '') ||
       CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END || coalesce(' ' || column_default, '') AS text
     FROM information_schema.columns WHERE table_name = 'plugin_installations' ORDER BY ordinal_position`,
  )
  for (const tenant of tenants) {
    const columns = rows.filter((row) => row['schema'] === tenant.schema).map((row) => row['text'])
    expect(columns).toEqual(
      expect.arrayContaining([
        `id integer NOT NULL nextval('"${tenant.schema}".plugin_installations_id_seq'::regclass)`,
        'plugin_key character varying(100) NOT NULL',
        `status character varying(20) NOT NULL 'installed'::character varying`,
        'installed_at timestamp without time zone CURRENT_TIMESTAMP',
        'error_message text',
        'configuration jsonb',
        'metadata jsonb',
        'created_at timestamp without time zone NOT NULL CURRENT_TIMESTAMP',
        'updated_at timestamp without time zone NOT NULL CURRENT_TIMESTAMP',
        // What Tenon adds: an installation is pinned to a version and to exact bytes.
        'version character varying(100)',
        'digest character varying(64)',
      ]),
    )
  }
})

test('a key is there once, and a status is one of the state machine', async () => {
  const insert = (key: string, status: string) =>
    pool.query(`INSERT INTO "${schema}".plugin_installations (plugin_key, status) VALUES ($1, $2)`, [key, status])
  for (const status of storedInstallationStatuses) await insert(`is-${status}`, status)
  await expect(insert('is-installed', 'installed')).rejects.toMatchObject({ code: '23505' })
  const others = Object.keys(installationTransitions).filter(
    (status) => !storedInstallationStatuses.includes(status as never),
  )
  expect(others).toEqual(['uninstalled'])
  for (const status of [...others, 'INSTALLED', '']) {
    await expect(insert('other', status)).rejects.toMatchObject({ code: '23514' })
  }
})

test('the index carries the name of the organization', async () => {
  const { rows } = await pool.query<{ indexdef: string }>('SELECT indexdef FROM pg_indexes WHERE indexname = $1', [
    `idx_plugin_installations_key_${schema}`,
  ])
  expect(rows).toHaveLength(1)
  expect(rows[0]?.indexdef).toContain(`ON "${schema}".plugin_installations USING btree (plugin_key)`)
})

test('it goes away and comes back, for one organization without the other', async () => {
  const tables = async () => {
    const { rows } = await pool.query<{ schemaname: string }>(
      "SELECT schemaname FROM pg_tables WHERE tablename = 'plugin_installations'",
    )
    return rows.map(({ schemaname }) => schemaname).sort()
  }
  const both = tenants.map((tenant) => tenant.schema).sort()
  await migrator.down({ scope: first, to: 0 })
  expect(await tables()).toEqual(both.filter((name) => name !== schema))
  expect((await migrator.status()).tenants).toMatchObject([
    { organizationId: 1, pending: hostTenantMigrations.map(({ name }) => name) },
  ])
  await migrator.up()
  expect(await tables()).toEqual(both)
})
