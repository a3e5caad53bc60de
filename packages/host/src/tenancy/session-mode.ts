import type { TenonError } from '@tenon/contract'
import type { CopySchema, EncodedRows } from './copy-rows.js'
import type { TenancyLimits } from './limits.js'
import type { StatementResult } from './role-connection.js'
import type { Lease, LeaseKind } from './role-pools.js'
import type { StatementGuard } from './statement-guard.js'

export const isolationLevels = ['READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const

export interface BeginOptions {
  isolation?: (typeof isolationLevels)[number] | undefined
  readOnly?: boolean | undefined
  parent?: string | undefined
}

/** How statements and transactions of a call are run. */
export interface SessionMode {
  query(sql: string, values: unknown[] | undefined, transaction: string | undefined): Promise<StatementResult[]>
  /** Adds encoded rows to a table; answers how many. */
  copy(rows: EncodedRows, transaction: string | undefined): Promise<number>
  begin(options: BeginOptions): Promise<string>
  commit(id: string): Promise<void>
  rollback(id: string): Promise<void>
  end(): Promise<void>
  /** Ends what runs now. */
  abort(reason: TenonError): void
}

/** What a mode works with. */
export interface SessionResources {
  schema: string
  guard: StatementGuard
  limits: TenancyLimits
  copySchema: CopySchema
  acquire(kind: LeaseKind): Promise<Lease>
  /** Called with the names of tables that statements outside any transaction, or a whole call, have created. */
  recordTables?: ((names: string[]) => Promise<void>) | undefined
  /** Hears what is read and written without a statement of the plugin's: `risks:insert`. */
  onTables?: ((touches: readonly string[]) => void) | undefined
}
