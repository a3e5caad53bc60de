import { limit, type LimitsOf, mebibyte } from '../limit-table.js'

/** What one plugin may take of the database. */
export const tenancyLimitTable = {
  maxConnections: limit(
    30,
    'connections',
    'of all plugins together, per server; a quarter is kept for statements that stand alone',
  ),
  maxConnectionsPerRole: limit(2, 'connections', 'of one plugin of one organization, per server'),
  connectionLimitPerRole: limit(8, 'connections', 'the same over all servers; Postgres counts'),
  connectionWaitMs: limit(10_000, 'ms', 'longer, and the pool is held by somebody who does not end'),
  idleConnectionMs: limit(10_000, 'ms', 'a connection is opened in a few milliseconds'),
  statementTimeoutMs: limit(30_000, 'ms', 'one statement outside of installing and configuring'),
  killGraceMs: limit(500, 'ms', 'after that the host ends a backend that ignored its own time limit'),
  lockTimeoutMs: limit(5_000, 'ms', 'how long a statement waits for a lock'),
  lockPatienceMs: limit(1_000, 'ms', 'how long somebody else waits for what a plugin locked, before it is ended'),
  maxLocks: limit(
    2_000,
    'locks',
    'of one connection; a server has room for some 8,000 of all, and where that is full nobody reads or writes',
  ),
  maxRelations: limit(
    2_000,
    'tables, indexes and sequences',
    'of one plugin of one organization, those for long values counted; reading a table takes a lock of each of its parts and indexes',
  ),
  transactionTimeoutMs: limit(60_000, 'ms', 'a transaction that a route opened, and how long it may be idle in one'),
  jobTransactionTimeoutMs: limit(
    600_000,
    'ms',
    'a transaction of a job, of which four are at work at once: an import of 100,000 rows is all or nothing',
  ),
  maxResultBytes: limit(32 * mebibyte, 'bytes', 'of one statement; more is read in pages'),
  maxResultRows: limit(100_000, 'rows', 'of one statement'),
  maxSqlLength: limit(4 * mebibyte, 'characters', 'of one text of SQL, parameters not counted'),
  parseMs: limit(5_000, 'ms', 'to read a text of SQL that is longer than 2 kB, on a thread of its own'),
  maxTreeCharacters: limit(
    8_000_000,
    'characters',
    'of what the parser makes of a text of SQL, values left out: the host reads it while everybody waits, for a tenth of a second or two',
  ),
  maxCopyBytes: limit(
    16 * mebibyte,
    'bytes',
    'of rows that are added at once; a plugin sends 1 to 2 MB at a time, and no less will do',
  ),
  tempFileLimitMb: limit(64, 'MB', 'of one statement, where the server lets the host set it'),
  workMemMb: limit(8, 'MB', 'of one sort or hash; more goes to temporary files'),
} as const

export type TenancyLimits = LimitsOf<typeof tenancyLimitTable>
