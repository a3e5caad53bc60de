interface Limit {
  value: number
  unit: 'bytes' | 'ms'
  /** Why this number. */
  reason: string
}

const mb = 1_000_000
const minute = 60_000

export const uploadLimitTable = {
  maxFileBytes: { value: 50 * mb, unit: 'bytes', reason: '100,000 rows of risks are 8 to 30 MB' },
  pieceBytes: { value: mb, unit: 'bytes', reason: 'what the host holds of one file at a time, and a message carries' },
  maxHeldBytes: {
    value: 500 * mb,
    unit: 'bytes',
    reason: 'of one organization; those that nobody works on any more make room first',
  },
  keptMs: { value: 24 * 60 * minute, unit: 'ms', reason: 'a check today, the import of the same file tomorrow' },
  maxPauseMs: {
    value: 10 * minute,
    unit: 'ms',
    reason: 'between two pieces; longer, and the sender or the server died',
  },
  sweepMs: { value: minute, unit: 'ms', reason: 'between two looks for what is too old' },
} as const satisfies Record<string, Limit>

/** What the files of people may take while they are worked on. */
export type UploadLimits = Record<keyof typeof uploadLimitTable, number>

export function resolveUploadLimits(overrides: Partial<UploadLimits> = {}): UploadLimits {
  const defaults = Object.entries(uploadLimitTable).map(([name, { value }]) => [name, value])
  return { ...(Object.fromEntries(defaults) as UploadLimits), ...overrides }
}
