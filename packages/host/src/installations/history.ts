import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import { storableJson, storableText } from '../migrations/sql-text.js'

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
  /** Never throws: what happened has happened, whether or not there is a line of it. A line that is missing is logged. */
  record(tenant: TenantScope, entry: HistoryEntry): Promise<void>
}

interface HistoryOptions {
  pool: Pool
  log?: (event: string, fields: Record<string, unknown>) => void
}

export function createHistory({ pool, log = () => {} }: HistoryOptions): History {
  const insert = (tenant: TenantScope, entry: HistoryEntry) =>
    pool.query(
      `INSERT INTO tenon.plugin_events (organization_id, plugin_key, installation_id, user_id, action, outcome, before, after, message)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        tenant.organizationId,
        entry.pluginKey,
        entry.installationId ?? null,
        entry.userId ?? null,
        entry.action,
        entry.outcome,
        entry.before ? storableJson(entry.before) : null,
        entry.after ? storableJson(entry.after) : null,
        entry.message === undefined ? null : storableText(entry.message),
      ],
    )

  return {
    async record(tenant, entry) {
      await insert(tenant, entry).catch((error: unknown) => {
        const { pluginKey, action, outcome } = entry
        log('history-failed', {
          organizationId: tenant.organizationId,
          pluginKey,
          action,
          outcome,
          reason: String(error),
        })
      })
    },
  }
}
