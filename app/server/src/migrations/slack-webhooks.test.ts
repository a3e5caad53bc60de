import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import { createHostMigrator } from '@tenon/host'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { appMigrations } from './index.js'

let database: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool(database.connection)
  await createHostMigrator({ pool, application: appMigrations }).up()
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

it('is one table for all organizations, with the columns that plugins of the first generation write', async () => {
  const { rows } = await pool.query<{ name: string; type: string }>(
    `SELECT column_name AS name, udt_name AS type FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = 'slack_webhooks'`,
  )
  const columns = Object.fromEntries(rows.map(({ name, type }) => [name, type]))
  expect(columns).toMatchObject({
    access_token: 'text',
    scope: 'varchar',
    team_name: 'varchar',
    team_id: 'varchar',
    channel: 'varchar',
    channel_id: 'varchar',
    configuration_url: 'varchar',
    url: 'text',
    user_id: 'int4',
    is_active: 'bool',
    routing_type: '_text',
  })
  // Whose a row is comes from the connection that writes it, never from what is written.
  expect(columns).toMatchObject({ organization_id: 'int4', owner_role: 'name' })
})
