import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCommonTime, createTimeShare, type TimeShare } from './time-share.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => void vi.useRealTimers())

describe('a share of time', () => {
  it('lets so much be spent at once, and then asks for a rest in proportion', () => {
    const share = createTimeShare(250)
    expect(share.spend(250)).toBe(0)
    expect(share.spend(50)).toBe(200)
    vi.advanceTimersByTime(200)
    expect(share.spend(0)).toBe(0)
    expect(share.spend(25)).toBe(100)
  })

  it('holds no more after a long time than in the beginning', () => {
    const share = createTimeShare(250)
    vi.advanceTimersByTime(60_000)
    expect(share.spend(300)).toBe(200)
  })

  it('lets off what a machine owes that stood still', () => {
    expect(createTimeShare(250).spend(3_600_000)).toBe(2_000)
  })
})

describe('shares of a common time', () => {
  const seconds = 20

  /** In one thread: who has no rest to keep spends this, and waits for so long. Answers what each spent and rested. */
  function spendInTurns(shares: readonly { share: TimeShare; spends: number; everyMs: number }[]) {
    const all = shares.map((one) => ({ ...one, nextAt: 0, spent: 0, rested: 0 }))
    const end = performance.now() + seconds * 1_000
    while (performance.now() < end) {
      for (const one of all.filter(({ nextAt }) => nextAt <= performance.now())) {
        vi.advanceTimersByTime(one.spends)
        one.spent += one.spends
        const restMs = one.share.spend(one.spends)
        one.rested += restMs
        one.nextAt = performance.now() + restMs + one.everyMs
      }
      vi.advanceTimersByTime(0.5)
    }
    return all
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

  it.each([4, 16])('are together no more than that, however many they are, here %d', (count) => {
    const common = createCommonTime(500)
    const flood = () => ({ share: createTimeShare(250, common), spends: 2, everyMs: 0 })
    const spent = spendInTurns(Array.from({ length: count }, flood)).map((one) => one.spent)
    expect(sum(spent)).toBeLessThan(1.05 * 500 * (seconds + 1))
    expect(sum(spent)).toBeGreaterThan(0.8 * 500 * seconds)
    expect(Math.max(...spent)).toBeLessThan(1.5 * Math.min(...spent))
  })

  it('are rested from by those that spend most: whoever spends little hardly waits for them', () => {
    const common = createCommonTime(500)
    const flood = () => ({ share: createTimeShare(250, common), spends: 2, everyMs: 0 })
    const work = { share: createTimeShare(250, common), spends: 0.5, everyMs: 25 }
    const [worker, ...flooders] = spendInTurns([work, ...Array.from({ length: 8 }, flood)])
    expect(worker!.rested).toBeLessThan(0.01 * seconds * 1_000)
    expect(Math.min(...flooders.map(({ rested }) => rested))).toBeGreaterThan(0.8 * seconds * 1_000)
  })

  it('are left to one alone, as far as its own goes', () => {
    const share = createTimeShare(250, createCommonTime(500))
    expect(share.spend(250)).toBe(0)
    expect(share.spend(50)).toBe(200)
  })
})
