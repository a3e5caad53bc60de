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

const gone = '00000000-0000-0000-0000-000000000000'
const sent = { method: 'POST', path: '/x', userId: 7, body: { key: 'sent' }, query: { a: 'sent' } }
const planted = [
  { title: 'succeeded', state: 'succeeded', input: sent },
  { title: 'failed', state: 'failed', input: { method: 'POST', path: '/x', body: null } },
  { title: 'cancelled', state: 'cancelled', input: { method: 'POST', path: '/x', query: { a: 'sent' } } },
  { title: 'without anything sent', state: 'succeeded', input: { method: 'POST', path: '/body' } },
  { title: 'kept elsewhere already', state: 'failed', input: { method: 'POST', path: '/x', sentId: 'an upload' } },
  { title: 'without any input', state: 'succeeded', input: null },
  { title: 'waiting', state: 'queued', input: sent },
  { title: 'at work', state: 'running', input: sent },
]

test('nothing of what was sent stays in the rows of runs of an earlier release that have ended', async () => {
  const migrator = createHostMigrator({ pool })
  await migrator.up()
  await migrator.down({ scope: 'platform', to: '0090-runs-started-again' })
  await pool.query("INSERT INTO tenon.tenants (organization_id, schema, state) VALUES (1, 'one', 'active')")
  for (const { title, state, input } of planted) {
    await pool.query(
      `INSERT INTO tenon.plugin_runs (organization_id, plugin_key, kind, action, title, state, input)
       VALUES (1, 'p', 'action', $1, $1, $2, $3)`,
      [title, state, JSON.stringify(input)],
    )
  }
  const inputs = async () => {
    const { rows } = await pool.query<{ title: string; input: unknown }>('SELECT title, input FROM tenon.plugin_runs')
    return Object.fromEntries(rows.map(({ title, input }) => [title, input]))
  }
  expect((await migrator.up()).platform).toContain('0091-sent-to-runs')
  const withoutSent = { method: 'POST', path: '/x', sentId: gone }
  expect(await inputs()).toEqual({
    succeeded: { ...withoutSent, userId: 7 },
    failed: withoutSent,
    cancelled: withoutSent,
    'without anything sent': { method: 'POST', path: '/body' },
    'kept elsewhere already': { method: 'POST', path: '/x', sentId: 'an upload' },
    'without any input': null,
    waiting: sent,
    'at work': sent,
  })

  // Those that had not ended lose it when they do.
  await pool.query(`UPDATE tenon.plugin_runs SET state = 'failed' WHERE title IN ('waiting', 'at work')`)
  expect(await inputs()).toMatchObject({ waiting: { ...withoutSent, userId: 7 }, 'at work': { sentId: gone } })
  expect(JSON.stringify(await inputs())).not.toContain('"sent"')
})
