import { limit, type LimitsOf, minute } from '../limit-table.js'

/** What is kept of what plugins do. */
export const recordLimitTable = {
  keptLines: limit(10_000, 'lines', 'of the log of one installation; older ones go first'),
  keptDays: limit(7, 'days', 'after which a line goes in any case'),
  maxLineCharacters: limit(4_000, 'characters', 'of one line; the child cuts at 8,000 already'),
  maxWaitingLines: limit(1_000, 'lines', 'of one installation that wait to be written; more are left out, and counted'),
  maxWaitingCharacters: limit(16_000_000, 'characters', 'of all lines that wait on one server'),
  writeEveryMs: limit(500, 'ms', 'between two batches'),
  tailEveryMs: limit(1_000, 'ms', 'how often a live tail looks for lines of other servers'),
  maxTailsPerOrganization: limit(20, 'live tails', 'open on one server; each asks the database now and then'),
  longestTailMs: limit(15 * minute, 'ms', 'then a live tail ends, so that who reads is asked again who they are'),
  keptProcessEnds: limit(
    100,
    'ends',
    'of processes that are kept for each installation, and as many crashes: an ordinary end pushes none out',
  ),
  maxCountedPermissions: limit(
    200,
    'permissions',
    'counted by name for one installation that it does not ask for, as it chooses what it tries; the rest as one',
  ),
} as const

export type RecordLimits = LimitsOf<typeof recordLimitTable>
