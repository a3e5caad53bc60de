import type { Pool } from 'pg'

const batch = 5_000

/**
 * Removes events with their deliveries: after 7 days those that are done with, after 30 days those that failed or whose
 * subscribers could never be told. An event that still waits for another attempt stays.
 */
export async function pruneEvents(pool: Pool): Promise<void> {
  let removed: number
  do {
    const { rowCount } = await pool.query(
      `DELETE FROM tenon.outbox WHERE id IN (
         SELECT id FROM tenon.outbox o
         WHERE created_at < now() - interval '7 days'
           AND (dispatched_at IS NOT NULL OR created_at < now() - interval '30 days')
           AND NOT EXISTS (
             SELECT FROM tenon.event_deliveries d WHERE d.event_id = o.event_id
               AND (d.state = 'waiting' OR d.state = 'failed' AND o.created_at >= now() - interval '30 days'))
         LIMIT $1)`,
      [batch],
    )
    removed = rowCount ?? 0
  } while (removed === batch)
}
