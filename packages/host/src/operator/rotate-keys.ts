import type { Pool } from 'pg'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'
import { createConfigurationVault, type ConfigurationVault } from '../secrets/configuration-vault.js'
import { createSchemaThreads } from '../secrets/schema-threads.js'
import type { SealContext, Sealer } from '../secrets/sealer.js'
import { openAudit } from './open-audit.js'

/** What was sealed anew, and what could not be. */
export interface KeyRotation {
  configurations: number
  connections: number
  webhooks: number
  dataKeys: number
  /** What no key of TENON_SECRET_KEY opens, in words. It stays as it is. */
  unreadable: string[]
  /** What was changed again and again meanwhile, in words. It is sealed as it was; rotating once more finds it. */
  left: string[]
}

export interface RotateKeysOptions {
  pool: Pool
  /** The new key first, then every one that was used before. */
  sealer: Sealer
  onProgress?: (rotation: Readonly<KeyRotation>) => void
}

const batch = 100
/** Each is lost only when somebody changed the row meanwhile. */
const tries = 5

type Rotating = RotateKeysOptions & { vault: Pick<ConfigurationVault, 'reseal'> }

/**
 * Seals everything under the first key that is sealed under another: configurations, tokens of connections, secrets of webhooks, and
 * the data keys, on which passwords of roles, the audit and what plugins seal themselves depend. Row by row, each only if nobody
 * changed it meanwhile, so that calls go on; it may be stopped at any time, and goes on where there is something left.
 *
 * @since 0.1.0
 */
export async function rotateKeys(given: RotateKeysOptions): Promise<KeyRotation> {
  const options = { ...given, vault: createConfigurationVault({ ...given, schemas: createSchemaThreads() }) }
  const rotation: KeyRotation = {
    configurations: 0,
    connections: 0,
    webhooks: 0,
    dataKeys: 0,
    unreadable: [],
    left: [],
  }
  try {
    await rotateDataKeys(options, rotation)
    for (const column of sealedColumns) await rotateColumn(options, column, rotation)
    await rotateConfigurations(options, rotation)
  } catch (error) {
    // What failed first is what the operator has to know; the audit may have failed for the same reason.
    await record(options, 'failed', rotation).catch(() => undefined)
    throw error
  }
  await record(options, rotation.left.length > 0 ? 'failed' : 'done', rotation)
  return rotation
}

/** Nobody is signed in to the command: the entry says what was done, and not by whom. */
async function record({ pool, sealer }: RotateKeysOptions, outcome: string, rotation: KeyRotation): Promise<void> {
  // Without the key of the audit nothing can be chained to it.
  if (rotation.unreadable.includes(nameOfDataKey('audit'))) return
  const audit = await openAudit({ pool, sealer })
  await audit.record({ action: 'rotate-keys', outcome, details: { ...rotation } })
  await audit.stop()
}

const nameOfDataKey = (name: string) => `the data key "${name}"`

async function rotateDataKeys({ pool, sealer }: RotateKeysOptions, rotation: KeyRotation): Promise<void> {
  const { rows } = await pool.query<{ name: string; sealed: string }>('SELECT name, sealed FROM tenon.data_keys')
  for (const { name, sealed } of rows) {
    const context = { tenantId: '', pluginKey: '', field: `data key ${name}` }
    const fresh = resealed(sealer, sealed, context, rotation, nameOfDataKey(name))
    if (fresh === undefined) continue
    await pool.query('UPDATE tenon.data_keys SET sealed = $3 WHERE name = $1 AND sealed = $2', [name, sealed, fresh])
    rotation.dataKeys += 1
  }
}

interface SealedRow {
  id: number
  schema: string
  plugin_key: string
  sealed: string
}

/** A column with one sealed text in each row, and what that is bound to besides the tenant. */
interface SealedColumn {
  counted: 'connections' | 'webhooks'
  table: string
  column: string
  /** SQL for the key of the plugin. */
  pluginKey: string
  field: (id: number) => string
}

const sealedColumns: readonly SealedColumn[] = [
  {
    counted: 'connections',
    table: 'tenon.connections',
    column: 'sealed_tokens',
    pluginKey: 's.plugin_key',
    field: () => 'connection',
  },
  {
    counted: 'webhooks',
    table: 'tenon.webhooks',
    column: 'sealed_secret',
    pluginKey: `'webhooks'::text`,
    field: (id) => `secret of ${id}`,
  },
]

async function rotateColumn(
  { pool, sealer, onProgress }: RotateKeysOptions,
  { counted, table, column, pluginKey: keyOf, field }: SealedColumn,
  rotation: KeyRotation,
): Promise<void> {
  for (let last = 0; ;) {
    const { rows } = await pool.query<SealedRow>(
      `SELECT s.id, t.schema, ${keyOf} AS plugin_key, s.${column} AS sealed
       FROM ${table} s JOIN tenon.tenants t USING (organization_id)
       WHERE s.id > $1 AND s.${column} <> '' ORDER BY s.id LIMIT ${batch}`,
      [last],
    )
    for (const { id, schema, plugin_key: pluginKey, sealed } of rows) {
      const context = { tenantId: schema, pluginKey, field: field(id) }
      const fresh = resealed(sealer, sealed, context, rotation, `${counted} ${id} of ${pluginKey} in ${schema}`)
      if (fresh === undefined) continue
      // One that was renewed meanwhile was sealed by a server that has the new key.
      const { rowCount } = await pool.query(`UPDATE ${table} SET ${column} = $3 WHERE id = $1 AND ${column} = $2`, [
        id,
        sealed,
        fresh,
      ])
      rotation[counted] += rowCount ?? 0
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
  let what = ''
  for (let attempt = 0; attempt < tries; attempt++) {
    const { rows } = await pool.query<{ plugin_key: string; configuration: unknown; text: string }>(
      `SELECT plugin_key, configuration, configuration::text AS text FROM ${table} WHERE id = $1`,
      [id],
    )
    const [row] = rows
    if (!row) return
    what = `the configuration of ${row.plugin_key} in ${schema}`
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
      rotation.unreadable.push(what)
      return
    }
  }
  rotation.left.push(what)
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
