/** A longer debt is let off: it is that of a machine that stood still. */
const longestRestMs = 2_000

/** Holds the milliseconds that may be spent in a second, and fills again as time passes. */
export function createTimeShare(msPerSecond: number): { spend(milliseconds: number): number } {
  let left = msPerSecond
  let lookedAt = performance.now()
  return {
    /** Answers for how long nothing should be spent now, in milliseconds: 0 as long as there is something left. */
    spend(milliseconds) {
      const now = performance.now()
      left = Math.min(msPerSecond, left + ((now - lookedAt) * msPerSecond) / 1_000) - milliseconds
      left = Math.max(left, (-longestRestMs * msPerSecond) / 1_000)
      lookedAt = now
      return left >= 0 ? 0 : (-left * 1_000) / msPerSecond
    },
  }
}
