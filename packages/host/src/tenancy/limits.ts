/** What one plugin may take of the database. Every number has its unit in its name. */
export interface TenancyLimits {
  /** Connections of all plugin roles together, of this replica. A quarter is kept for autocommit statements. */
  maxConnections: number
  /** Connections of one role that autocommit statements and explicit transactions share, of this replica. */
  maxConnectionsPerRole: number
  /** Connections of one role over all replicas; Postgres counts. */
  connectionLimitPerRole: number
  /** How long a statement waits for a connection. */
  connectionWaitMs: number
  /** How long an unused connection stays open. */
  idleConnectionMs: number
  /** One statement outside a lifecycle call. */
  statementTimeoutMs: number
  /** After this, the host ends a backend that ignored its own timeout. */
  killGraceMs: number
  /** How long a statement waits for a lock. */
  lockTimeoutMs: number
  /** How long somebody else may wait for what a plugin has locked; then its transaction is ended. */
  lockPatienceMs: number
  /** One transaction that a plugin opened itself. */
  transactionTimeoutMs: number
  /** Bytes that the server may send for one statement. */
  maxResultBytes: number
  /** Rows that the server may send for one statement. */
  maxResultRows: number
  /** Characters of one SQL text, parameters not counted. */
  maxSqlLength: number
  /** Temporary files of one statement, where the server lets the host set it. */
  tempFileLimitMb: number
  workMemMb: number
}

export const defaultTenancyLimits: TenancyLimits = {
  maxConnections: 30,
  maxConnectionsPerRole: 2,
  connectionLimitPerRole: 8,
  connectionWaitMs: 10_000,
  idleConnectionMs: 10_000,
  statementTimeoutMs: 30_000,
  killGraceMs: 500,
  lockTimeoutMs: 5_000,
  lockPatienceMs: 1_000,
  transactionTimeoutMs: 60_000,
  maxResultBytes: 32 * 1024 * 1024,
  maxResultRows: 100_000,
  maxSqlLength: 4 * 1024 * 1024,
  tempFileLimitMb: 64,
  workMemMb: 8,
}
