import { limit, type LimitsOf, limitsOf, minute } from '../limit-table.js'

const mb = 1_000_000

/** What the files of people may take while they are worked on. */
export const uploadLimitTable = {
  maxFileBytes: limit(50 * mb, 'bytes', '100,000 rows of risks are 8 to 30 MB'),
  pieceBytes: limit(mb, 'bytes', 'what the host holds of one file at a time, and a message carries'),
  maxHeldBytes: limit(500 * mb, 'bytes', 'of one organization; those that nobody works on any more make room first'),
  keptMs: limit(24 * 60 * minute, 'ms', 'a check today, the import of the same file tomorrow'),
  maxPauseMs: limit(10 * minute, 'ms', 'between two pieces; longer, and the sender or the server died'),
  sweepMs: limit(minute, 'ms', 'between two looks for what is too old'),
} as const

export type UploadLimits = LimitsOf<typeof uploadLimitTable>

export function resolveUploadLimits(overrides: Partial<UploadLimits> = {}): UploadLimits {
  return limitsOf(uploadLimitTable, overrides)
}
