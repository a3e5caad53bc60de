import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTimeShare } from './time-share.js'

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
