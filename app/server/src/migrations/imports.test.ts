import { randomBytes, randomUUID } from 'node:crypto'
import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import { createHostMigrator, getTenantHash } from '@tenon/host'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { appMigrations } from './index.js'

const organizations = [7, 8].map((organizationId) => ({ organizationId, schema: getTenantHash(organizationId) }))
const [one, other] = organizations as [(typeof organizations)[0], (typeof organizations)[0]]
const password = randomBytes(12).toString('hex')

interface Plugin {
  schema: string
  role: string
  pool: pg.Pool
}

let database: TestDatabase
let pool: pg.Pool
let plugins: Plugin[]
beforeAll(async () => {
  database = await createTestDatabase()
  pool = new pg.Pool(database.connection)
  const migrator = createHostMigrator({ pool, application: appMigrations })
  await migrator.up()
  for (const { organizationId, schema } of organizations) {
    await pool.query('INSERT INTO public.organizations (id, name) VALUES ($1, $2)', [organizationId, schema])
    await pool.query(`CREATE SCHEMA "${schema}"`)
    await pool.query(`INSERT INTO tenon.tenants (organization_id, schema, state) VALUES ($1, $2, 'active')`, [
      organizationId,
      schema,
    ])
    await migrator.migrateTenant({ organizationId, schema })
  }
  plugins = [await pluginOf(one, 'importer'), await pluginOf(one, 'neighbour'), await pluginOf(other, 'importer')]
})
afterAll(async () => {
  await Promise.all(plugins.map((plugin) => plugin.pool.end()))
  for (const { role } of plugins) {
    await pool.query(`GRANT ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`)
  }
  await pool.end()
  await database.drop()
})
beforeEach(async () => {
  for (const { schema } of organizations) await pool.query(`TRUNCATE "${schema}".risks CASCADE`)
  await pool.query('TRUNCATE public.imports')
})

/** A plugin as the database knows it: a role that may add risks to one organization, and remove none. */
async function pluginOf({ organizationId, schema }: (typeof organizations)[0], key: string): Promise<Plugin> {
  const role = `tn_${[...randomBytes(20)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte % 32]).join('')}`
  await pool.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
  await pool.query(`GRANT CONNECT ON DATABASE "${database.connection.database}" TO ${role}`)
  await pool.query(`GRANT USAGE ON SCHEMA "${schema}", tenon_api TO ${role}`)
  await pool.query(`GRANT SELECT, INSERT ON "${schema}".risks TO ${role}`)
  await pool.query('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenon_api TO ' + role)
  await pool.query(
    `INSERT INTO tenon.plugin_roles (role, organization_id, owner_key, login) VALUES ($1, $2, $3, true)`,
    [role, organizationId, key],
  )
  return { schema, role, pool: new pg.Pool({ ...database.connection, user: role, password, max: 1 }) }
}

async function importsRisks({ schema, pool: database }: Plugin, names: string[]): Promise<string> {
  const importId = randomUUID()
  await database.query(
    `INSERT INTO "${schema}".risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity, import_id)
     SELECT name, 'text', 'Deployment & integration', 'Rare', 'Minor', $2 FROM unnest($1::text[]) name`,
    [names, importId],
  )
  return importId
}

async function undo({ pool: database }: Plugin, importId: string) {
  const { rows } = await database.query<{ removed: string; kept: string }>(
    'SELECT removed, kept FROM tenon_api.undo_import($1)',
    [importId],
  )
  return rows[0]
}

const namesIn = async ({ schema }: { schema: string }) => {
  const { rows } = await pool.query<{ risk_name: string }>(`SELECT risk_name FROM "${schema}".risks ORDER BY id`)
  return rows.map(({ risk_name: name }) => name)
}

describe('what the database takes back of an import', () => {
  it('are its own risks that nobody has edited, deleted or linked since', async () => {
    const [importer] = plugins as [Plugin]
    const importId = await importsRisks(importer, ['untouched', 'edited', 'deleted', 'linked'])
    await importsRisks(importer, ['of a later import'])
    const update = (set: string, name: string) =>
      pool.query(`UPDATE "${one.schema}".risks SET ${set} WHERE risk_name = $1`, [name])
    await update('updated_at = now()', 'edited')
    await update('is_deleted = true', 'deleted')
    await pool.query(`INSERT INTO "${one.schema}".projects (project_title, goal, start_date) VALUES ('P', 'g', now())`)
    await pool.query(
      `INSERT INTO "${one.schema}".projects_risks (risk_id, project_id)
       SELECT r.id, p.id FROM "${one.schema}".risks r, "${one.schema}".projects p WHERE r.risk_name = 'linked'`,
    )
    expect(await undo(importer, importId)).toEqual({ removed: '1', kept: '3' })
    expect((await namesIn(one)).sort()).toEqual(['deleted', 'edited', 'linked', 'of a later import'])
    await expect(importer.pool.query(`DELETE FROM "${one.schema}".risks`)).rejects.toMatchObject({ code: '42501' })
  })

  it('is nothing of another plugin, or of the same plugin of another organization', async () => {
    const [importer, neighbour, abroad] = plugins as [Plugin, Plugin, Plugin]
    const importId = await importsRisks(importer, ['mine'])
    for (const stranger of [neighbour, abroad]) {
      await expect(undo(stranger, importId)).rejects.toMatchObject({ code: 'P0002' })
    }
    // Not by adding rows under the number of that import, either.
    await neighbour.pool.query(
      `INSERT INTO "${one.schema}".risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity, import_id)
       VALUES ('planted', 'text', 'Deployment & integration', 'Rare', 'Minor', $1)`,
      [importId],
    )
    await expect(undo(neighbour, importId)).rejects.toMatchObject({ code: 'P0002' })
    expect(await namesIn(one)).toContain('mine')
  })

  it.each([
    ['7 days 1 minute', 'rejects'],
    ['6 days 23 hours', 'removes'],
  ])('after %s it %s', async (ago, what) => {
    const [importer] = plugins as [Plugin]
    const importId = await importsRisks(importer, ['old'])
    await pool.query(`UPDATE public.imports SET made_at = now() - $1::interval`, [ago])
    if (what === 'removes') expect(await undo(importer, importId)).toEqual({ removed: '1', kept: '0' })
    else await expect(undo(importer, importId)).rejects.toMatchObject({ code: '55000' })
    expect(await namesIn(one)).toEqual(what === 'removes' ? [] : ['old'])
  })
})
