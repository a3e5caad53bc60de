/** What is kept of what plugins do. Every number has its unit in its name. */
export interface RecordLimits {
  /** Lines of one installation; older ones go first. */
  keptLines: number
  /** Days after which a line goes in any case. */
  keptDays: number
  /** Characters of one line; the runner cuts at 8,000 already. */
  maxLineCharacters: number
  /** Lines of one installation that wait to be written; more are left out, and counted. */
  maxWaitingLines: number
  /** Characters of all lines that wait on this replica. */
  maxWaitingCharacters: number
  /** Between two batches. */
  writeEveryMs: number
  /** How often a live tail looks for lines of other replicas. */
  tailEveryMs: number
  /** Live tails that one organization may have open on this replica; each asks the database now and then. */
  maxTailsPerOrganization: number
  /** After this a live tail ends, so that who reads is asked again who they are. */
  longestTailMs: number
  /** Ends of processes that are kept for each installation. */
  keptProcessEnds: number
  /** Different permissions that may be counted for one plugin between two batches; a plugin chooses what it tries. */
  maxCountedPermissions: number
}

export const defaultRecordLimits: RecordLimits = {
  keptLines: 10_000,
  keptDays: 7,
  maxLineCharacters: 4_000,
  maxWaitingLines: 1_000,
  maxWaitingCharacters: 16_000_000,
  writeEveryMs: 500,
  tailEveryMs: 1_000,
  maxTailsPerOrganization: 20,
  longestTailMs: 15 * 60_000,
  keptProcessEnds: 100,
  maxCountedPermissions: 200,
}
