import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'

/** One line of the history of a plugin in an organization (C3): who did what, when, and what changed. */
export interface HistoryEntry {
  pluginKey: string
  installationId?: number
  /** Absent when the platform did it, for example after a crash. */
  userId?: number
  action: string
  outcome: 'done' | 'failed' | 'undone'
  before?: Record<string, unknown>
  /** Never with secrets in clear. */
  after?: Record<string, unknown>
  message?: string
}

export interface History {
  record(tenant: TenantScope, entry: HistoryEntry): Promise<void>
}

export function createHistory({ pool }: { pool: Pool }): History {
  return {
    async record(tenant, entry) {
      await pool.query(
        `INSERT INTO tenon.plugin_events (organization_id, plugin_key, installation_id, user_id, action, outcome, before, after, message)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [
          tenant.organizationId,
          entry.pluginKey,
          entry.installationId ?? null,
          entry.userId ?? null,
          entry.action,
          entry.outcome,
          entry.before ? JSON.stringify(entry.before) : null,
          entry.after ? JSON.stringify(entry.after) : null,
          entry.message ?? null,
        ],
      )
    },
  }
}
