import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'

let database: TestDatabase
let pool: pg.Pool
beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool(database.connection)
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

test('runs of an earlier release go on, but for what only its server knew, which says so', async () => {
  const migrator = createHostMigrator({ pool })
  await migrator.up()
  await migrator.down({ scope: 'platform', to: '0062-delivery-streaks' })
  await pool.query("INSERT INTO tenon.tenants (organization_id, schema, state) VALUES (1, 'one', 'active')")
  await pool.query(`
    INSERT INTO tenon.plugin_runs (organization_id, plugin_key, kind, action, title, state, only_on) VALUES
      (1, 'p', 'action', 'a', 'waits for any', 'queued', NULL),
      (1, 'p', 'import', 'b', 'waits for one', 'queued', 'a server'),
      (1, 'p', 'action', 'c', 'at work', 'running', NULL),
      (1, 'p', 'action', 'd', 'at work on what one knows', 'running', 'a server'),
      (1, 'p', 'import', 'e', 'imported', 'succeeded', 'a server')`)
  await migrator.up()
  const { rows } = await pool.query(
    `SELECT title, state, repeatable, failure->>'code' AS code, finished_at IS NULL AS open FROM tenon.plugin_runs ORDER BY position`,
  )
  expect(rows).toEqual([
    { title: 'waits for any', state: 'queued', repeatable: true, code: null, open: true },
    { title: 'waits for one', state: 'failed', repeatable: false, code: 'RUN_INTERRUPTED', open: false },
    { title: 'at work', state: 'running', repeatable: true, code: null, open: true },
    { title: 'at work on what one knows', state: 'running', repeatable: false, code: null, open: true },
    { title: 'imported', state: 'succeeded', repeatable: false, code: null, open: true },
  ])
})
