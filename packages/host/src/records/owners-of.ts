import type { Pool } from 'pg'

/** The organization of each, by the schema of its tenant. Those of an organization that is gone are left out. */
export async function ownersOf<Row extends { tenantId: string }>(
  pool: Pool,
  rows: readonly Row[],
): Promise<(Row & { organizationId: number })[]> {
  const { rows: tenants } = await pool.query<{ organization_id: number; schema: string }>(
    'SELECT organization_id, schema FROM tenon.tenants WHERE schema = ANY ($1)',
    [rows.map(({ tenantId }) => tenantId)],
  )
  const organizations = new Map(tenants.map((row) => [row.schema, row.organization_id]))
  return rows.flatMap((row) => {
    const organizationId = organizations.get(row.tenantId)
    return organizationId === undefined ? [] : [{ ...row, organizationId }]
  })
}
