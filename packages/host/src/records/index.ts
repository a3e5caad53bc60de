import type { Pool } from 'pg'
import { limitsOf } from '../limit-table.js'
import { createPluginLog, type PluginLog } from './plugin-log.js'
import { type RecordLimits, recordLimitTable } from './record-limits.js'
import { createUsage, type Usage } from './usage.js'

export { recordsMigration } from './migration.js'
export { createNetworkLedger, networkUseMigration } from './network-ledger.js'
export type { RecordOwner } from './log-buffer.js'
export type { KeptLine, LineFilter, LineTail, PluginLog } from './plugin-log.js'
export type { RecordLimits } from './record-limits.js'
export type { CallFigures, CallsOfHour, KeptProcessEnd, PermissionUse, Usage } from './usage.js'

/** What is kept of what plugins do: their lines, and figures. */
export interface Records {
  readonly limits: RecordLimits
  log: PluginLog
  usage: Usage
}

export function createRecords(options: {
  pool: Pool
  log: (event: string, fields: Record<string, unknown>) => void
  limits?: Partial<RecordLimits>
}): Records {
  const limits = limitsOf(recordLimitTable, options.limits)
  return { limits, log: createPluginLog({ ...options, limits }), usage: createUsage({ ...options, limits }) }
}
