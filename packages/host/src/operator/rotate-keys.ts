import type { Pool } from 'pg'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'
import { createConfigurationVault, type ConfigurationVault } from '../secrets/configuration-vault.js'
import type { SealContext, Sealer } from '../secrets/sealer.js'

/** What was sealed anew, and what could not be. */
export interface KeyRotation {
  configurations: number
  connections: number
  dataKeys: number
  /** What no key of TENON_SECRET_KEY opens, in words. It stays as it is. */
  unreadable: string[]
}

export interface RotateKeysOptions {
  pool: Pool
  /** The new key first, then every one that was used before. */
  sealer: Sealer
  onProgress?: (rotation: Readonly<KeyRotation>) => void
}

const batch = 100
/** What changes again and again meanwhile was sealed by a server, under the key of that server. */
const tries = 5

type Rotating = RotateKeysOptions & { vault: Pick<ConfigurationVault, 'reseal'> }

/**
 * Seals everything under the first key that is sealed under another: configurations, tokens of connections, and the data
 * keys, on which passwords of roles, the audit and what plugins seal themselves depend. Row by row, each only if nobody
 * changed it meanwhile, so that calls go on; it may be stopped at any time, and goes on where there is something left.
 *
 * @since 0.1.0
 */
export async function rotateKeys(given: RotateKeysOptions): Promise<KeyRotation> {
  const options = { ...given, vault: createConfigurationVault(given) }
  const rotation: KeyRotation = { configurations: 0, connections: 0, dataKeys: 0, unreadable: [] }
  await rotateDataKeys(options, rotation)
  await rotateConnections(options, rotation)
  await rotateConfigurations(options, rotation)
  return rotation
}

async function rotateDataKeys({ pool, sealer }: RotateKeysOptions, rotation: KeyRotation): Promise<void> {
  const { rows } = await pool.query<{ name: string; sealed: string }>('SELECT name, sealed FROM tenon.data_keys')
  for (const { name, sealed } of rows) {
    const context = { tenantId: '', pluginKey: '', field: `data key ${name}` }
    const fresh = resealed(sealer, sealed, context, rotation, `the data key "${name}"`)
    if (fresh === undefined) continue
    await pool.query('UPDATE tenon.data_keys SET sealed = $3 WHERE name = $1 AND sealed = $2', [name, sealed, fresh])
    rotation.dataKeys += 1
  }
}

interface ConnectionRow {
  id: number
  schema: string
  plugin_key: string
  sealed_tokens: string
}

async function rotateConnections({ pool, sealer, onProgress }: RotateKeysOptions, rotation: KeyRotation) {
  for (let last = 0; ;) {
    const { rows } = await pool.query<ConnectionRow>(
      `SELECT c.id, t.schema, c.plugin_key, c.sealed_tokens FROM tenon.connections c JOIN tenon.tenants t USING (organization_id)
       WHERE c.id > $1 ORDER BY c.id LIMIT ${batch}`,
      [last],
    )
    for (const { id, schema, plugin_key: pluginKey, sealed_tokens: sealed } of rows) {
      const context = { tenantId: schema, pluginKey, field: 'connection' }
      const fresh = resealed(sealer, sealed, context, rotation, `connection ${id} of ${pluginKey}`)
      if (fresh === undefined) continue
      // A token that was renewed meanwhile was sealed by a server that has the new key.
      const { rowCount } = await pool.query(
        'UPDATE tenon.connections SET sealed_tokens = $3 WHERE id = $1 AND sealed_tokens = $2',
        [id, sealed, fresh],
      )
      rotation.connections += rowCount ?? 0
    }
    onProgress?.(rotation)
    const end = rows.at(-1)
    if (!end) return
    last = end.id
  }
}

async function rotateConfigurations(options: Rotating, rotation: KeyRotation): Promise<void> {
  const { pool, onProgress } = options
  const { rows: tenants } = await pool.query<{ schema: string }>(
    `SELECT schema FROM tenon.tenants WHERE state IN ('active', 'degraded') ORDER BY organization_id`,
  )
  for (const { schema } of tenants) {
    const { rows } = await pool.query<{ id: number }>(
      `SELECT id FROM ${quote(schema)}.plugin_installations WHERE configuration::text LIKE '%$sealed%' ORDER BY id`,
    )
    for (const { id } of rows) await rotateConfiguration(options, rotation, schema, id)
    if (rows.length > 0) onProgress?.(rotation)
  }
}

async function rotateConfiguration({ pool, vault }: Rotating, rotation: KeyRotation, schema: string, id: number) {
  const table = `${quote(schema)}.plugin_installations`
  for (let attempt = 0; attempt < tries; attempt++) {
    const { rows } = await pool.query<{ plugin_key: string; configuration: unknown; text: string }>(
      `SELECT plugin_key, configuration, configuration::text AS text FROM ${table} WHERE id = $1`,
      [id],
    )
    const [row] = rows
    if (!row) return
    try {
      const fresh = vault.reseal(row.configuration, { tenantId: schema, pluginKey: row.plugin_key })
      if (fresh === undefined) return
      const { rowCount } = await pool.query(
        `UPDATE ${table} SET configuration = $3 WHERE id = $1 AND configuration = $2::jsonb`,
        [id, row.text, JSON.stringify(fresh)],
      )
      if (rowCount !== 1) continue
      rotation.configurations += 1
      return
    } catch {
      rotation.unreadable.push(`the configuration of ${row.plugin_key} in ${schema}`)
      return
    }
  }
}

/** Undefined when there is nothing to do, or nothing can be done. */
function resealed(
  sealer: Sealer,
  sealed: string,
  context: SealContext,
  rotation: KeyRotation,
  what: string,
): string | undefined {
  if (!sealer.isOutdated(sealed)) return undefined
  try {
    return sealer.seal(sealer.open(sealed, context), context)
  } catch {
    rotation.unreadable.push(what)
    return undefined
  }
}
