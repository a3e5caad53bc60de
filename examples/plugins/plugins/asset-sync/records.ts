import type { SeedContext, Sequelize } from '@tenon/sdk'
import type { ServiceRecord } from './service'

/** The table, quoted, in the schema of one organization. */
export function tableOf(tenantId: string): string {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  return `"${tenantId}".asset_sync_records`
}

export async function createTable(sequelize: Sequelize, tenantId: string): Promise<void> {
  await sequelize.query(`
    CREATE TABLE IF NOT EXISTS ${tableOf(tenantId)} (
      id serial PRIMARY KEY,
      external_id text NOT NULL UNIQUE,
      name text NOT NULL,
      updated_at timestamptz NOT NULL DEFAULT now()
    )`)
}

export async function dropTable(sequelize: Sequelize, tenantId: string): Promise<void> {
  await sequelize.query(`DROP TABLE IF EXISTS ${tableOf(tenantId)} CASCADE`)
}

/** Writes what is new or differs; returns how many. A page in which nothing has changed writes no row. */
export async function writeRecords(
  { sequelize }: SeedContext,
  tenantId: string,
  records: readonly ServiceRecord[],
): Promise<number> {
  const rows = [
    ...new Map(records.map(({ id, name }) => [String(id), { external_id: String(id), name: String(name) }])).values(),
  ]
  const [written] = await sequelize.query(
    `INSERT INTO ${tableOf(tenantId)} (external_id, name)
     SELECT sent.external_id, sent.name
     FROM jsonb_to_recordset(CAST(:json AS jsonb)) AS sent(external_id text, name text)
     LEFT JOIN ${tableOf(tenantId)} known USING (external_id)
     WHERE known.id IS NULL OR known.name IS DISTINCT FROM sent.name
     ON CONFLICT (external_id) DO UPDATE SET name = EXCLUDED.name, updated_at = now()
     RETURNING id`,
    { replacements: { json: JSON.stringify(rows) } },
  )
  return written.length
}
