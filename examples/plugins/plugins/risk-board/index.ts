import type { InstallResult, PluginMetadata, RouteRequest, Router, Sequelize, UninstallResult } from '@tenon/sdk'

// A plugin with a UI of its own: it counts the risks for a board, and lists those behind one field of it.

export const metadata: PluginMetadata = {
  name: 'Risk Board',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Shows where the risks are, by likelihood and severity',
}

export const install = (): Promise<InstallResult> =>
  Promise.resolve({ success: true, message: 'Risk Board is installed. Open it to see where your risks are.' })

export const uninstall = (): Promise<UninstallResult> => Promise.resolve({ success: true })

/** The schema of one organization, quoted. */
function schemaOf(tenantId: string): string {
  if (!/^[A-Za-z0-9_]{1,63}$/.test(tenantId)) throw new Error('This is not the name of an organization')
  return `"${tenantId}"`
}

export function countRisks(sequelize: Sequelize, tenantId: string) {
  return sequelize.query(
    `SELECT likelihood::text AS likelihood, severity::text AS severity, count(*)::int AS count
     FROM ${schemaOf(tenantId)}.risks GROUP BY 1, 2`,
    { type: 'SELECT' },
  )
}

export function listRisks(sequelize: Sequelize, tenantId: string, field: Readonly<Record<string, string>>) {
  return sequelize.query(
    `SELECT id, risk_name AS name, risk_description AS description FROM ${schemaOf(tenantId)}.risks
     WHERE likelihood::text = :likelihood AND severity::text = :severity ORDER BY id DESC LIMIT 100`,
    { type: 'SELECT', replacements: { likelihood: field.likelihood ?? '', severity: field.severity ?? '' } },
  )
}

export const router: Router = {
  'GET /board': async ({ sequelize, tenantId }: RouteRequest) => ({ data: await countRisks(sequelize, tenantId) }),
  'GET /risks/:likelihood/:severity': async ({ sequelize, tenantId, params }: RouteRequest) => ({
    data: await listRisks(sequelize, tenantId, params),
  }),
}
