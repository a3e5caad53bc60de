/** Limits of the catalog; each can be set where the host is composed. */
export interface CatalogLimits {
  /** Time between two looks at the registry. */
  refreshIntervalMs: number
  /** Size of a manifest. The upstream marketplace has 100 kB for 29 plugins. */
  maxBytes: number
  /** S59: time for a complete answer of the registry. */
  timeoutMs: number
}

export const catalogLimits: CatalogLimits = {
  refreshIntervalMs: 5 * 60_000,
  maxBytes: 5_000_000,
  timeoutMs: 10_000,
}

/** With nothing to show, the registry is asked again soon. */
export const emptyRetryMs = 5_000

/** Replicas must not ask all at once: each wait is this much longer or shorter. */
export const refreshJitter = 0.1

/** A long manifest is read in slices, so that nothing else waits longer than this. */
export const parseSliceMs = 10
