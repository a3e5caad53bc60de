import { manifestLimits } from '@tenon/contract'
import { limit, type LimitsOf, limitsOf, minute } from '../limit-table.js'

/** What a marketplace may take. */
export const catalogLimitTable = {
  refreshIntervalMs: limit(5 * minute, 'ms', 'between two looks at the marketplace'),
  maxBytes: limit(5_000_000, 'bytes', 'of a list of plugins; one of 29 plugins has 100 kB'),
  maxPlugins: limit(
    manifestLimits.plugins,
    'plugins',
    'in a list; each of them is read, kept and searched. What comes after is left out, and told',
  ),
  timeoutMs: limit(10_000, 'ms', 'for a complete answer of the marketplace'),
} as const

export type CatalogLimits = LimitsOf<typeof catalogLimitTable>

export const catalogLimits: CatalogLimits = limitsOf(catalogLimitTable)

/** With nothing to show, the registry is asked again soon. */
export const emptyRetryMs = 5_000

/** Replicas must not ask all at once: each wait is this much longer or shorter. */
export const refreshJitter = 0.1

/** A long manifest is read in slices, so that nothing else waits longer than this. */
export const parseSliceMs = 10
