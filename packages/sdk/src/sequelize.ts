/**
 * The part of Sequelize 6 that a plugin has. Statements run under the plugin's own database role: one organization's
 * schema comes first on the search path, and a table that was not granted does not exist.
 */

/** A row of a result: bigint, COUNT and numeric come as strings, jsonb as objects, timestamps as `Date`. */
export type Row = Record<string, unknown>

export type Replacement = string | number | bigint | boolean | null | Date | Uint8Array | readonly Replacement[]

/** The values of `options.type`. */
export interface QueryTypes {
  readonly SELECT: 'SELECT'
  readonly INSERT: 'INSERT'
  readonly UPDATE: 'UPDATE'
  readonly DELETE: 'DELETE'
  readonly RAW: 'RAW'
}

export interface QueryOptions {
  /** `:name` or `?` in the text. An array is written as a list: `IN (:ids)`, `ARRAY[:names]`. */
  replacements?: Record<string, Replacement> | readonly Replacement[]
  /** `$name` or `$1` in the text; sent to the server apart from it. */
  bind?: Record<string, unknown> | readonly unknown[]
  type?: string
  /** Runs the statement inside this transaction. */
  transaction?: Transaction
  raw?: boolean
  /** With `type: 'SELECT'`: the first row, or null. */
  plain?: boolean
  nest?: boolean
}

/** Ends with `commit` or `rollback`, or by itself when the call that opened it ends. An error inside aborts it. */
export interface Transaction {
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** @since 0.1.0 */
export interface Sequelize {
  readonly QueryTypes: QueryTypes
  /** @throws Error with Postgres's own sentence in `message`. */
  query<T extends object = Row>(sql: string, options: QueryOptions & { type: 'SELECT'; plain: true }): Promise<T | null>
  query<T extends object = Row>(sql: string, options: QueryOptions & { type: 'SELECT' }): Promise<T[]>
  /** `[rows, result]`; `rows` is empty without RETURNING, `result` is the row count of an INSERT. */
  query<T extends object = Row>(sql: string, options?: QueryOptions): Promise<[rows: T[], result: unknown]>
  transaction(): Promise<Transaction>
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
  escape(value: Replacement): string
}
