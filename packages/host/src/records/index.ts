import type { ClientBase, Pool } from 'pg'
import { limitsOf } from '../limit-table.js'
import type { RecordOwner } from './log-buffer.js'
import { createPluginLog, type PluginLog } from './plugin-log.js'
import { type RecordLimits, recordLimitTable } from './record-limits.js'
import { createUsage, type Usage } from './usage.js'

export { endReasonsMigration, recordsMigration } from './migration.js'
export { crashAccountsMigration, createCrashLedger } from './crash-ledger.js'
export { heldInstallationIdsMigration, heldInstallationsMigration } from './installed.js'
export { createNetworkLedger, networkUseMigration } from './network-ledger.js'
export type { RecordOwner, RecordSource } from './log-buffer.js'
export type { KeptLine, LineFilter, LineTail, LogPage, PluginLog } from './plugin-log.js'
export type { RecordLimits } from './record-limits.js'
export type { CallFigures, CallsOfHour, KeptProcessEnd, PermissionUse, Usage } from './usage.js'

/** What is kept of what plugins do: their lines, and figures. */
export interface Records {
  readonly limits: RecordLimits
  log: PluginLog
  usage: Usage
  /**
   * Removes what is kept of a plugin, in the transaction in which its installation has just been removed: what is told
   * of it later is not kept any more. With `keep` only its crashes go, so that it starts with a clean slate.
   */
  forget(client: ClientBase, owner: RecordOwner, data: 'erase' | 'keep'): Promise<void>
}

const ofThePlugin = ['crash_accounts']
/** What it printed and did may tell of the organization's data, like its tables. */
const ofItsData = ['plugin_logs', 'plugin_calls', 'permission_uses', 'process_ends', 'network_use']

export function createRecords(options: {
  pool: Pool
  log: (event: string, fields: Record<string, unknown>) => void
  limits?: Partial<RecordLimits>
}): Records {
  const limits = limitsOf(recordLimitTable, options.limits)
  const log = createPluginLog({ ...options, limits })
  return {
    limits,
    log,
    usage: createUsage({ ...options, limits }),
    async forget(client, { organizationId, pluginKey }, data) {
      if (data === 'erase') log.forget({ organizationId, pluginKey })
      for (const table of data === 'erase' ? [...ofItsData, ...ofThePlugin] : ofThePlugin)
        await client.query(`DELETE FROM tenon.${table} WHERE organization_id = $1 AND plugin_key = $2`, [
          organizationId,
          pluginKey,
        ])
    },
  }
}
