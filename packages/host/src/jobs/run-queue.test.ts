import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'

let database: TestDatabase
let pool: pg.Pool
beforeEach(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool(database.connection)
  pool.on('error', () => {})
})
afterEach(async () => {
  await pool.end()
  await database.drop()
})

test('a schema of somebody else where the queue should be is named, and left alone', async () => {
  await pool.query('CREATE SCHEMA tenon_queue; CREATE TABLE tenon_queue.migrations (name text)')
  await expect(createHostMigrator({ pool }).up()).rejects.toThrow('The schema tenon_queue holds tables that are not')
  const { rows } = await pool.query(`SELECT relname FROM pg_class WHERE relnamespace = 'tenon_queue'::regnamespace`)
  expect(rows).toContainEqual({ relname: 'migrations' })
})

test('tables of a later release are refused, and the process may still end well', async () => {
  const migrator = createHostMigrator({ pool })
  await migrator.up()
  await pool.query('INSERT INTO tenon_queue.migrations (id, breaking) VALUES (1000000, true)')
  await expect(migrator.up()).rejects.toThrow('ensure all versions of Graphile Worker are compatible')
  expect(process.exitCode).toBe(undefined)
})
