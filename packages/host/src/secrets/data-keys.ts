import { randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import type { PlatformMigration } from '../migrations/index.js'
import type { Sealer } from './sealer.js'

export const dataKeysMigration: PlatformMigration = {
  name: '0022-data-keys',
  async up(client) {
    await client.query('CREATE TABLE tenon.data_keys (name text PRIMARY KEY, sealed text NOT NULL)')
  },
  async down(client) {
    await client.query('DROP TABLE tenon.data_keys')
  },
}

/**
 * A random key of this installation, made on first use and kept sealed: rotating the operator's key seals it again and
 * changes nothing that depends on it, such as the passwords of roles.
 *
 * @throws TenonError SEALED_VALUE_UNREADABLE with another TENON_SECRET_KEY than the one it was made under
 */
export async function dataKey({ pool, sealer }: { pool: Pool; sealer: Sealer }, name: string): Promise<Buffer> {
  const context = { tenantId: '', pluginKey: '', field: `data key ${name}` }
  const fresh = sealer.seal(randomBytes(32).toString('base64'), context)
  await pool.query('INSERT INTO tenon.data_keys (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, fresh])
  const { rows } = await pool.query<{ sealed: string }>('SELECT sealed FROM tenon.data_keys WHERE name = $1', [name])
  const sealed = rows[0]?.sealed ?? fresh
  const key = sealer.open(sealed, context)
  if (sealer.isOutdated(sealed)) {
    await pool.query('UPDATE tenon.data_keys SET sealed = $2 WHERE name = $1', [name, sealer.seal(key, context)])
  }
  return Buffer.from(key, 'base64')
}
