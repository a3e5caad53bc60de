import { createHostMigrator, getTenantHash } from '@tenon/host'
import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Queryable } from '../database/transaction.js'
import { publishEvent } from '../events.js'
import { appMigrations } from './index.js'

const organizationId = 7
const schema = getTenantHash(organizationId)
let database: TestDatabase
let pool: pg.Pool

beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool(database.connection)
  await migrator().up()
  await pool.query(`CREATE SCHEMA "${schema}"`)
  await pool.query(`INSERT INTO tenon.tenants (organization_id, schema, state) VALUES ($1, $2, 'active')`, [
    organizationId,
    schema,
  ])
  await migrator().migrateTenant({ organizationId, schema })
})

afterAll(async () => {
  await pool.end()
  await database.drop()
})

beforeEach(async () => {
  await pool.query(`TRUNCATE "${schema}".risks, "${schema}".projects, "${schema}".model_inventories CASCADE`)
  await pool.query('TRUNCATE tenon.outbox CASCADE')
})

function migrator() {
  return createHostMigrator({ pool, application: appMigrations })
}

const insertRisks = (count: number, database: Queryable = pool) =>
  database.query(
    `INSERT INTO "${schema}".risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity)
     SELECT 'Risk ' || n, 'text', 'Deployment & integration', 'Rare', 'Minor' FROM generate_series(1, $1::integer) n`,
    [count],
  )

async function announcements(database: Queryable = pool) {
  const { rows } = await database.query<{ name: string; payload: { count: number; ids: number[]; names: string[] } }>(
    'SELECT organization_id, source, name, payload FROM tenon.outbox ORDER BY id',
  )
  return rows
}

it('has the four roles under the ids that plugins know', async () => {
  const { rows } = await pool.query('SELECT id, name FROM public.roles ORDER BY id')
  expect(rows.map((row) => `${row.id} ${row.name}`)).toEqual(['1 Admin', '2 Reviewer', '3 Editor', '4 Auditor'])
})

it('needs only what describes a risk', async () => {
  const { rows } = await pool.query<{ column_name: string }>(
    `SELECT column_name FROM information_schema.columns
     WHERE table_schema = $1 AND table_name = 'risks' AND is_nullable = 'NO' AND column_default IS NULL
       AND is_identity = 'NO'
     ORDER BY ordinal_position`,
    [schema],
  )
  expect(rows.map((row) => row.column_name)).toEqual([
    'risk_name',
    'ai_lifecycle_phase',
    'risk_description',
    'likelihood',
    'severity',
  ])
})

it.each(["'infinity'", "'-infinity'", "'20000-01-01'", "'0044-03-15 BC'"])(
  'takes no time of %s, which would make a register unreadable',
  async (time) => {
    await insertRisks(1)
    await pool.query(`INSERT INTO "${schema}".projects (project_title, goal, start_date) VALUES ('P', 'g', now())`)
    await pool.query(
      `INSERT INTO "${schema}".model_inventories (provider_model, provider, model, version) VALUES ('a b', 'a', 'b', '1')`,
    )
    const { rows } = await pool.query<{ table_name: string; column_name: string }>(
      `SELECT table_name, column_name FROM information_schema.columns
       WHERE table_schema = $1 AND table_name IN ('risks', 'projects', 'model_inventories')
         AND data_type LIKE 'timestamp%'`,
      [schema],
    )
    expect(rows).toHaveLength(11)
    for (const { table_name: table, column_name: column } of rows) {
      const set = (value: string) => pool.query(`UPDATE "${schema}".${table} SET ${column} = ${value}`)
      await expect(set(time), `${table}.${column}`).rejects.toMatchObject({ code: '23514' })
      for (const readable of ["'1000-01-01'", "'9999-12-31'", 'now()']) await set(readable)
    }
  },
)

it('takes only a plain list as the categories of a risk', async () => {
  await insertRisks(1)
  const set = (value: string) => pool.query(`UPDATE "${schema}".risks SET risk_category = $1`, [value])
  await expect(set('{{Legal risk}}')).rejects.toMatchObject({ code: '23514' })
  for (const readable of ['{}', '{Legal risk}', '{NULL}']) await set(readable)
})

it('announces a thousand risks of one statement as one event with the first ids and names', async () => {
  await insertRisks(1000)
  const [event, ...more] = await announcements()
  expect(more).toEqual([])
  expect(event).toMatchObject({ organization_id: organizationId, source: 'app', name: 'risk.created' })
  expect(event?.payload).toMatchObject({ count: 1000, names: ['Risk 1', 'Risk 2', 'Risk 3', 'Risk 4', 'Risk 5'] })
  expect(event?.payload.ids).toHaveLength(100)
})

it('announces nothing for a statement that touches no row', async () => {
  await pool.query(`UPDATE "${schema}".risks SET impact = 'x'`)
  await pool.query(`DELETE FROM "${schema}".risks`)
  expect(await announcements()).toEqual([])
})

it('announces nothing of what is rolled back, nor what was published with it', async () => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await insertRisks(1, client)
    await publishEvent(client, organizationId, 'user.invited', { userId: 1 })
    expect(await announcements(client)).toHaveLength(2)
    await client.query('ROLLBACK')
  } finally {
    client.release()
  }
  expect(await announcements()).toEqual([])
})

it('tells a change from a deletion, and a marked row that is removed from neither', async () => {
  await insertRisks(3)
  await pool.query(`UPDATE "${schema}".risks SET impact = 'x'`)
  await pool.query(`UPDATE "${schema}".risks SET is_deleted = true WHERE risk_name = 'Risk 2'`)
  await pool.query(`DELETE FROM "${schema}".risks`)
  const seen = (await announcements()).map((event) => `${event.name} ${event.payload.count}`)
  expect(seen).toEqual(['risk.created 3', 'risk.updated 3', 'risk.deleted 1', 'risk.deleted 2'])
})

it('announces projects and models too', async () => {
  await pool.query(`INSERT INTO "${schema}".projects (project_title, goal, start_date) VALUES ('P', 'g', now())`)
  await pool.query(
    `INSERT INTO "${schema}".model_inventories (provider_model, provider, model, version) VALUES ('a b', 'a', 'b', '1')`,
  )
  expect((await announcements()).map((event) => [event.name, event.payload.names])).toEqual([
    ['project.created', ['P']],
    ['model.created', ['b']],
  ])
})

it('goes all the way down and up again', async () => {
  const scope = { organizationId, schema }
  await migrator().down({ scope, to: 0 })
  await migrator().migrateTenant(scope)
  const second = await createTestDatabase()
  const secondPool = new pg.Pool(second.connection)
  const fresh = createHostMigrator({ pool: secondPool, application: appMigrations })
  await fresh.up()
  await fresh.down({ scope: 'platform', to: 0 })
  await fresh.up()
  expect((await fresh.status()).platform.pending).toEqual([])
  await secondPool.end()
  await second.drop()
})
