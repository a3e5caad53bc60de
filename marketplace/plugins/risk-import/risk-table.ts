import type { SeedContext, Transaction } from '@tenon/sdk'
import type { Risk } from './check-rows'
import { columns } from './columns'

/** A table in the schema of one organization, quoted. */
export function tableOf(tenantId: string, name: string): string {
  return `"${checked(tenantId)}".${name}`
}

/** Adds risks to the register, as part of a transaction. */
export async function insertRisks(
  risks: readonly Risk[],
  importId: string,
  tenantId: string,
  { sequelize, database }: SeedContext,
  transaction: Transaction,
): Promise<void> {
  if (database) {
    const rows = risks.map((risk) => ({ ...risk, import_id: importId }))
    await database.insertMany(`${checked(tenantId)}.risks`, rows, { transaction })
    return
  }
  // Other hosts have `sequelize` alone.
  const names = storedColumns.map(({ key }) => key).join(', ')
  const definitions = storedColumns.map(({ key, sqlType }) => `${key} ${sqlType}`).join(', ')
  await sequelize.query(
    `INSERT INTO ${tableOf(tenantId, 'risks')} (${names}, import_id)
     SELECT ${names}, CAST(:importId AS uuid)
     FROM jsonb_to_recordset(CAST(:json AS jsonb)) AS sent(${definitions})`,
    { replacements: { json: JSON.stringify(risks), importId }, transaction },
  )
}

const storedColumns = [
  ...columns.map(({ key, sqlType }) => ({ key, sqlType })),
  { key: 'risk_level_autocalculated', sqlType: 'public.enum_projectrisks_risk_level_autocalculated' },
]

function checked(tenantId: string): string {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  return tenantId
}
