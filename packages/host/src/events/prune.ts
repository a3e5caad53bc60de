import type { Pool } from 'pg'
import type { EventLimits } from './event-limits.js'

const batch = 5_000

/**
 * Removes events with their deliveries: those that are done with earlier than those that failed or whose subscribers
 * could never be told. An event that still waits for another attempt stays.
 */
export async function pruneEvents(
  pool: Pool,
  { keptDays, keptFailedDays }: Pick<EventLimits, 'keptDays' | 'keptFailedDays'>,
): Promise<void> {
  let removed: number
  do {
    const { rowCount } = await pool.query(
      `DELETE FROM tenon.outbox WHERE id IN (
         SELECT id FROM tenon.outbox o
         WHERE created_at < now() - $2 * interval '1 day'
           AND (dispatched_at IS NOT NULL OR created_at < now() - $3 * interval '1 day')
           AND NOT EXISTS (
             SELECT FROM tenon.event_deliveries d WHERE d.event_id = o.event_id
               AND (d.state = 'waiting' OR d.state = 'failed' AND o.created_at >= now() - $3 * interval '1 day'))
         LIMIT $1)`,
      [batch, keptDays, Math.max(keptDays, keptFailedDays)],
    )
    removed = rowCount ?? 0
  } while (removed === batch)
}
