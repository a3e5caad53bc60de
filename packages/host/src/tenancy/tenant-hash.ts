import { createHash } from 'node:crypto'

/**
 * The schema name, and the `tenantId` that plugins are told, of an organization (S20): ten characters of mixed case, so
 * it is always quoted in SQL.
 */
export function getTenantHash(organizationId: number): string {
  const digest = createHash('sha256').update(organizationId.toString()).digest('base64')
  return digest.replace(/[^A-Za-z0-9]/g, '').slice(0, 10)
}
