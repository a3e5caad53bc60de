/** A longer debt is let off: it is that of a machine that stood still. */
const longestRestMs = 2_000
/** What was spent longer ago hardly counts when it is asked who spent how much. */
const memoryMs = 1_000

/** Milliseconds that one may spend, bit by bit or at once. */
export interface TimeShare {
  /** Answers for how long nothing should be spent now, in milliseconds: 0 as long as there is something left. */
  spend(milliseconds: number): number
}

/** What several may spend together; see {@link createCommonTime}. */
export interface CommonTime {
  /** The same for one of them, who has spent so much lately. */
  spend(milliseconds: number, lately: number): number
}

/** Holds the milliseconds that may be spent in a second, and fills again as time passes. They may be a part of others. */
export function createTimeShare(msPerSecond: number, common?: CommonTime): TimeShare {
  const own = createBucket(msPerSecond)
  const lately = createMemory()
  return {
    spend(milliseconds) {
      const spentLately = lately.add(milliseconds)
      return Math.max(own(milliseconds), common?.spend(milliseconds, spentLately) ?? 0)
    },
  }
}

/** Who spent less than so much of what whoever spends most did is not at fault. */
const innocentPart = 0.75

/**
 * What all may spend together in a second. When nothing is left of it, whoever spent most lately rests for as long as it
 * takes to make up for it, those that spent nearly as much for a part of that, and the others not at all: they all come
 * to spend the same, but for those that want less.
 */
export function createCommonTime(msPerSecond: number): CommonTime {
  const bucket = createBucket(msPerSecond)
  const most = createMemory()
  return {
    spend(milliseconds, lately) {
      const part = lately / most.raiseTo(lately)
      return bucket(milliseconds) * Math.max(0, (part - innocentPart) / (1 - innocentPart))
    },
  }
}

function createBucket(msPerSecond: number): TimeShare['spend'] {
  let left = msPerSecond
  const sinceLast = createStopwatch()
  return (milliseconds) => {
    left = Math.min(msPerSecond, left + (sinceLast() * msPerSecond) / 1_000) - milliseconds
    left = Math.max(left, (-longestRestMs * msPerSecond) / 1_000)
    return left >= 0 ? 0 : (-left * 1_000) / msPerSecond
  }
}

/** A number that fades away as time passes. */
function createMemory() {
  let value = 0
  const sinceLast = createStopwatch()
  const faded = () => value * Math.exp(-sinceLast() / memoryMs)
  return {
    add: (more: number) => (value = faded() + more),
    raiseTo: (least: number) => (value = Math.max(faded(), least, Number.MIN_VALUE)),
  }
}

function createStopwatch(): () => number {
  let lookedAt = performance.now()
  return () => {
    const before = lookedAt
    lookedAt = performance.now()
    return lookedAt - before
  }
}
