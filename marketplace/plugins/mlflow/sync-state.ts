import type { Sequelize, Transaction } from '@tenon/sdk'
import type { Checkpoint } from './checkpoint'
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

export interface SyncOutcome {
  mode: SyncMode
  /** Whether the server answered; null leaves it as it was. */
  connected: boolean | null
  /** Null when it succeeded. */
  error: string | null
  /** Where the next one may begin: only of one that succeeded. */
  checkpoint?: Checkpoint
}

/** Notes how a synchronisation ended. */
export async function recordSync(
  sequelize: Sequelize,
  tenantId: string,
  { mode, connected, error, checkpoint }: SyncOutcome,
  transaction?: Transaction,
): Promise<void> {
  const success = error === null
  await sequelize.query(
    `INSERT INTO ${stateTable(tenantId)} AS state
       (id, last_attempt_at, last_success_at, last_full_success_at, connected, error, checkpoint)
     VALUES (1, now(), CASE WHEN CAST($1 AS boolean) THEN now() END, CASE WHEN CAST($2 AS boolean) THEN now() END,
       CAST($3 AS boolean), CAST($4 AS text), CAST($5 AS jsonb))
     ON CONFLICT (id) DO UPDATE SET
       last_attempt_at = EXCLUDED.last_attempt_at,
       last_success_at = COALESCE(EXCLUDED.last_success_at, state.last_success_at),
       last_full_success_at = COALESCE(EXCLUDED.last_full_success_at, state.last_full_success_at),
       connected = COALESCE(EXCLUDED.connected, state.connected),
       error = EXCLUDED.error,
       checkpoint = COALESCE(EXCLUDED.checkpoint, state.checkpoint)`,
    {
      bind: [success, success && mode === 'full', connected, error, checkpoint ? JSON.stringify(checkpoint) : null],
      ...(transaction && { transaction }),
    },
  )
}
