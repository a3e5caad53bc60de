import type { Sequelize } from '@tenon/sdk'
import { stateTable } from './model-records'

export type SyncMode = 'full' | 'quick'

/** How the last synchronisation went. */
export interface SyncState {
  lastAttemptAt: Date | null
  lastSuccessAt: Date | null
  lastFullSuccessAt: Date | null
  /** Whether the server answered; null when nobody has asked yet. */
  connected: boolean | null
  error: string | null
}

const NEVER: SyncState = {
  lastAttemptAt: null,
  lastSuccessAt: null,
  lastFullSuccessAt: null,
  connected: null,
  error: null,
}

export async function readSyncState(sequelize: Sequelize, tenantId: string): Promise<SyncState> {
  const rows = await sequelize.query<SyncState>(
    `SELECT last_attempt_at AS "lastAttemptAt", last_success_at AS "lastSuccessAt",
       last_full_success_at AS "lastFullSuccessAt", connected, error
     FROM ${stateTable(tenantId)}`,
    { type: 'SELECT' },
  )
  return rows[0] ?? NEVER
}

/** Notes how a synchronisation ended; `error` is null when it succeeded, `connected` is null to leave it as it was. */
export async function recordSync(
  sequelize: Sequelize,
  tenantId: string,
  { mode, connected, error }: { mode: SyncMode; connected: boolean | null; error: string | null },
): Promise<void> {
  await sequelize.query(
    `INSERT INTO ${stateTable(tenantId)} AS state
       (id, last_attempt_at, last_success_at, last_full_success_at, connected, error)
     VALUES (1, now(), CASE WHEN :success THEN now() END, CASE WHEN :full THEN now() END,
       CAST(:connected AS boolean), CAST(:error AS text))
     ON CONFLICT (id) DO UPDATE SET
       last_attempt_at = EXCLUDED.last_attempt_at,
       last_success_at = COALESCE(EXCLUDED.last_success_at, state.last_success_at),
       last_full_success_at = COALESCE(EXCLUDED.last_full_success_at, state.last_full_success_at),
       connected = COALESCE(EXCLUDED.connected, state.connected),
       error = EXCLUDED.error`,
    { replacements: { success: error === null, full: error === null && mode === 'full', connected, error } },
  )
}
