import type { Pool } from 'pg'
import type { Audit, AuditEntry } from '../audit/index.js'
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
  /** Everything in the history is in the audit as well. */
  audit?: Pick<Audit, 'record'>
  log?: (event: string, fields: Record<string, unknown>) => void
}

export function createHistory({ pool, audit, log = () => {} }: HistoryOptions): History {
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
      const audited = audit?.record(toAuditEntry(tenant, entry))
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
      await audited
    },
  }
}

/** The audit outlives the organization: of a configuration it keeps which fields were changed, and no values. */
function toAuditEntry(tenant: TenantScope, { before, after, ...entry }: HistoryEntry): AuditEntry {
  const { pluginKey, installationId, userId, action, outcome } = entry
  const changed = action === 'configure' ? { changed: changedFields(before, after) } : { before, after }
  return {
    organizationId: tenant.organizationId,
    userId,
    pluginKey,
    action,
    outcome,
    details: { installationId, ...changed },
  }
}

function changedFields(before: Record<string, unknown> = {}, after: Record<string, unknown> = {}): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
}
