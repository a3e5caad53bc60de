import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'

/** One event on its way to one subscriber. */
export interface DeliveryEntry {
  eventId: string
  name: string
  source: string
  occurredAt: Date
  handler: string
  state: 'waiting' | 'delivered' | 'failed'
  attempts: number
  /** When it is tried again. */
  nextAttemptAt: Date | null
  lastError: string | null
  deliveredAt: Date | null
}

/** Whose deliveries: a plugin, or what else subscribes, of one organization. */
export interface DeliveryOwner {
  organizationId: number
  pluginKey: string
}

export interface DeliveryLog {
  /** The newest first; those that were delivered are kept for 7 days, those that failed for 30. */
  list(
    owner: DeliveryOwner,
    filter: { page: number; pageSize: number; state?: string | undefined },
  ): Promise<{ items: DeliveryEntry[]; total: number }>
  /** Delivers an event once more, whatever came of it. @throws TenonError NOT_FOUND, CONFLICT while it waits anyhow */
  replay(owner: DeliveryOwner, eventId: string): Promise<void>
}

export function createDeliveryLog({ pool }: { pool: Pool }): DeliveryLog {
  return {
    async list({ organizationId, pluginKey }, { page, pageSize, state }) {
      const { rows } = await pool.query<DeliveryEntry & { total: number }>(
        `SELECT d.event_id AS "eventId", o.name, o.source, o.created_at AS "occurredAt", d.handler, d.state, d.attempts,
           CASE d.state WHEN 'waiting' THEN d.next_attempt_at END AS "nextAttemptAt", d.last_error AS "lastError",
           d.delivered_at AS "deliveredAt", count(*) OVER ()::integer AS total
         FROM tenon.event_deliveries d JOIN tenon.outbox o ON o.event_id = d.event_id
         WHERE d.organization_id = $1 AND d.plugin_key = $2 AND ($3::text IS NULL OR d.state = $3)
         ORDER BY o.id DESC LIMIT $4 OFFSET $5`,
        [organizationId, pluginKey, state ?? null, pageSize, (page - 1) * pageSize],
      )
      return { items: rows.map(({ total: _total, ...entry }) => entry), total: rows[0]?.total ?? 0 }
    },

    async replay({ organizationId, pluginKey }, eventId) {
      const { rows } = await pool.query<{ replayed: boolean }>(
        `WITH found AS (
           SELECT event_id, plugin_key, handler, state FROM tenon.event_deliveries
           WHERE organization_id = $1 AND plugin_key = $2 AND event_id = $3),
         replayed AS (
           UPDATE tenon.event_deliveries d SET state = 'waiting', attempts = 0, next_attempt_at = now(), delivered_at = NULL
           FROM found f WHERE (d.event_id, d.plugin_key, d.handler) = (f.event_id, f.plugin_key, f.handler)
             AND d.state <> 'waiting' RETURNING 1)
         SELECT EXISTS (SELECT FROM replayed) AS replayed FROM found LIMIT 1`,
        [organizationId, pluginKey, eventId],
      )
      if (!rows[0]) throw new TenonError('NOT_FOUND', { message: 'There is no delivery of this event.' })
      if (!rows[0].replayed) throw new TenonError('CONFLICT', { message: 'It waits for its next attempt already.' })
      await pool.query(`SELECT pg_notify('tenon_outbox', '')`)
    },
  }
}
