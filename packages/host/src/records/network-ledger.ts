import type { Pool } from 'pg'
import type { PlatformMigration } from '../migrations/index.js'
import { writeForInstalled } from './installed.js'
import { ownersOf } from './owners-of.js'

/** What each plugin did on the network in the window that is open, on all servers together. */
export const networkUseMigration: PlatformMigration = {
  name: '0065-network-use',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.network_use (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        connections bigint NOT NULL,
        bytes_in bigint NOT NULL,
        bytes_out bigint NOT NULL,
        refused bigint NOT NULL,
        PRIMARY KEY (organization_id, plugin_key)
      )`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.network_use')
  },
}

/** What one plugin of a tenant did since `startedAt`, in milliseconds. */
interface NetworkUse {
  tenantId: string
  pluginKey: string
  startedAt: number
  connections: number
  bytesIn: number
  bytesOut: number
  refused: number
}

interface UseRow {
  schema: string
  plugin_key: string
  age_ms: number
  connections: string
  bytes_in: string
  bytes_out: string
  refused: string
}

const counts = ['connections', 'bytes_in', 'bytes_out', 'refused'] as const

/**
 * One account for all servers. A window opens with the first use after the last one ended, by the clock of the database.
 * What a server has not told when the window ends for itself, it drops; what arrives here after the end counts in the new
 * one. Who tells nothing but zeros only asks: that opens no window, and makes no row. Nothing is kept of a plugin that is
 * not installed any more, or whose organization's installations cannot be read.
 */
export function createNetworkLedger({
  pool,
  log,
  windowMs,
}: {
  pool: Pool
  log: (event: string, fields: Record<string, unknown>) => void
  windowMs: number
}) {
  const lose = (rows: readonly unknown[], reason: string) =>
    log('records-unheld', { of: 'network use', rows: rows.length, reason })
  const isOver = `u.started_at <= now() - $7 * interval '1 millisecond'`
  const columns = ['organization_id', 'plugin_key', 'started_at', ...counts].join(', ')
  const add = `
    WITH told AS (
      SELECT n.*, ${counts.map((count) => `n.${count} = 0`).join(' AND ')} AS only_asks
      FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS n (organization_id, plugin_key, ${counts.join(', ')})),
    added AS (
      INSERT INTO tenon.network_use AS u (organization_id, plugin_key, ${counts.join(', ')})
      SELECT organization_id, plugin_key, ${counts.join(', ')} FROM told WHERE NOT only_asks
      ORDER BY organization_id, plugin_key
      ON CONFLICT (organization_id, plugin_key) DO UPDATE SET
        started_at = CASE WHEN ${isOver} THEN now() ELSE u.started_at END,
        ${counts.map((count) => `${count} = CASE WHEN ${isOver} THEN 0 ELSE u.${count} END + excluded.${count}`).join(', ')}
      RETURNING ${columns}),
    known AS (
      SELECT ${columns} FROM added
      UNION ALL
      SELECT ${columns} FROM tenon.network_use u
      WHERE (organization_id, plugin_key) IN (SELECT organization_id, plugin_key FROM told WHERE only_asks)
        AND NOT (${isOver}))
    SELECT t.schema, plugin_key, extract(epoch FROM now() - started_at)::float8 * 1000 AS age_ms, ${counts.join(', ')}
    FROM known JOIN tenon.tenants t USING (organization_id)`

  return {
    async add(uses: readonly NetworkUse[]): Promise<NetworkUse[]> {
      const added = await writeForInstalled(
        pool,
        await ownersOf(pool, uses),
        async (client, told) => {
          const { rows } = await client.query<UseRow>(add, [
            told.map(({ organizationId }) => organizationId),
            told.map(({ pluginKey }) => pluginKey),
            told.map(({ connections }) => connections),
            told.map(({ bytesIn }) => bytesIn),
            told.map(({ bytesOut }) => bytesOut),
            told.map(({ refused }) => refused),
            windowMs,
          ])
          return rows
        },
        lose,
      )
      return (added ?? []).map((row) => ({
        tenantId: row.schema,
        pluginKey: row.plugin_key,
        startedAt: Date.now() - row.age_ms,
        connections: Number(row.connections),
        bytesIn: Number(row.bytes_in),
        bytesOut: Number(row.bytes_out),
        refused: Number(row.refused),
      }))
    },
  }
}
