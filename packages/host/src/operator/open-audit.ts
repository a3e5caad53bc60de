import type { Pool } from 'pg'
import { createAudit, type Audit } from '../audit/index.js'
import { dataKey } from '../secrets/data-keys.js'
import type { Sealer } from '../secrets/sealer.js'

/**
 * The audit of an installation.
 *
 * @throws TenonError SEALED_VALUE_UNREADABLE with another TENON_SECRET_KEY than that of the installation
 * @since 0.1.0
 */
export async function openAudit({
  pool,
  sealer,
  log,
}: {
  pool: Pool
  sealer: Sealer
  log?: (event: string, fields: Record<string, unknown>) => void
}): Promise<Audit> {
  return createAudit({ pool, key: await dataKey({ pool, sealer }, 'audit'), ...(log ? { log } : {}) })
}
