import type { RunError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { DeliveryOwner } from '../events/delivery-log.js'
import { storableJson } from '../migrations/sql-text.js'
import type { PlatformMigration } from '../migrations/index.js'

/** Events that a plugin has not taken, one after the other, each given up after its last attempt. */
export interface DeliveryStreak {
  pluginKey: string
  installationId: number
  failures: number
  /** Name of the last one. */
  event: string
  error: RunError
  lastFailedAt: Date
}

export interface DeliveryStreaks {
  /** Those with so many failures. */
  list(organizationId: number, atLeast: number): Promise<DeliveryStreak[]>
  /** Answers with how many have failed in a row, this one among them. */
  lengthen(owner: DeliveryOwner, failure: Pick<DeliveryStreak, 'installationId' | 'event' | 'error'>): Promise<number>
  /** Answers with the one that has ended, if there was any. */
  end(owner: DeliveryOwner): Promise<DeliveryStreak | undefined>
}

/** One row for each plugin that has not taken an event since the last that it took. */
export const deliveryStreaksMigration: PlatformMigration = {
  name: '0062-delivery-streaks',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.delivery_streaks (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        installation_id integer NOT NULL,
        failures integer NOT NULL DEFAULT 1,
        event text NOT NULL,
        error jsonb NOT NULL,
        last_failed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, plugin_key)
      )`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.delivery_streaks')
  },
}

const columns = `plugin_key AS "pluginKey", installation_id AS "installationId", failures, event, error,
  last_failed_at AS "lastFailedAt"`

export function createDeliveryStreaks({ pool }: { pool: Pool }): DeliveryStreaks {
  return {
    async list(organizationId, atLeast) {
      const { rows } = await pool.query<DeliveryStreak>(
        `SELECT ${columns} FROM tenon.delivery_streaks WHERE organization_id = $1 AND failures >= $2 ORDER BY plugin_key`,
        [organizationId, atLeast],
      )
      return rows
    },

    async lengthen({ organizationId, pluginKey }, { installationId, event, error }) {
      const { rows } = await pool.query<{ failures: number }>(
        `INSERT INTO tenon.delivery_streaks AS streak (organization_id, plugin_key, installation_id, event, error)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (organization_id, plugin_key) DO UPDATE SET
           failures = CASE streak.installation_id WHEN excluded.installation_id THEN streak.failures + 1 ELSE 1 END,
           installation_id = excluded.installation_id, event = excluded.event, error = excluded.error,
           last_failed_at = now()
         RETURNING failures`,
        [organizationId, pluginKey, installationId, event, storableJson(error)],
      )
      return rows[0]?.failures ?? 0
    },

    async end({ organizationId, pluginKey }) {
      const { rows } = await pool.query<DeliveryStreak>(
        `DELETE FROM tenon.delivery_streaks WHERE organization_id = $1 AND plugin_key = $2 RETURNING ${columns}`,
        [organizationId, pluginKey],
      )
      return rows[0]
    },
  }
}
