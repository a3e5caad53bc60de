/** Honest ones take a few milliseconds; only slow ones count. */
export const slowMs = 200
/** What the slow ones of a schema may take together, in a window since the first of them. */
export const patience = { milliseconds: 2_000, windowMs: 60_000 }
const kept = 500

/** Remembers, for a minute, the schemas that were slow. */
export interface SlowSchemas {
  /** Whether a schema was slow lately. */
  has(schema: string): boolean
  /**
   * Whether it had its two seconds of a minute. It holds up no event loop, but a processor, and those whose schemas are
   * slow, too.
   */
  isSpent(schema: string): boolean
  note(schema: string, ms: number): void
}

export function createSlowSchemas(): SlowSchemas {
  const slow = new Map<string, { since: number; spentMs: number }>()

  function find(schema: string) {
    const known = slow.get(schema)
    return known && performance.now() - known.since < patience.windowMs ? known : undefined
  }

  return {
    has: (schema) => find(schema) !== undefined,
    isSpent: (schema) => (find(schema)?.spentMs ?? 0) >= patience.milliseconds,
    note(schema, ms) {
      if (ms < slowMs) return
      const known = find(schema)
      slow.delete(schema)
      slow.set(schema, { since: known?.since ?? performance.now(), spentMs: (known?.spentMs ?? 0) + ms })
      const [oldest] = slow.keys()
      if (slow.size > kept && oldest !== undefined) slow.delete(oldest)
    },
  }
}
