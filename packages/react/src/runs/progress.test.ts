import { describe, expect, it } from 'vitest'
import { aRun } from './testing/aRun.js'
import {
  durationOf,
  percentDone,
  sentenceOfOutcome,
  timeLeft,
  wordsOfCounts,
  wordsOfProgress,
  wordsOfTime,
  wordsOfTimeLeft,
} from './progress.js'

const startedAt = '2026-05-03T10:00:00.000Z'
const after = (seconds: number) => Date.parse(startedAt) + seconds * 1_000
const at = (done: number, total: number | null, message: string | null = null) =>
  aRun({ state: 'running', startedAt, progress: { done, total, message } })

describe('how long a run still takes', () => {
  it('follows from the pace it has had', () => {
    expect(timeLeft(at(25, 100), after(10))).toBe(30_000)
  })

  it.each([
    ['nothing is done yet', at(0, 100), 10],
    ['the plugin does not say of how much', at(25, null), 10],
    ['everything is done', at(100, 100), 10],
    ['it has only just begun', at(1, 100), 1],
    ['it is over', aRun({ state: 'succeeded', startedAt, progress: { done: 1, total: 2, message: null } }), 10],
  ])('cannot be told when %s', (_, run, seconds) => {
    expect(timeLeft(run, after(seconds))).toBeUndefined()
  })

  it('is said in words that nobody counts along with', () => {
    expect([4_000, 40_000, 61_000, 3 * 3_600_000].map(wordsOfTimeLeft)).toEqual([
      'a few seconds left',
      'less than a minute left',
      'about 2 min left',
      'about 3 h left',
    ])
  })
})

describe('a run in words', () => {
  it('says how far it is', () => {
    expect(wordsOfProgress(at(1_200, 4_800))).toBe('1,200 of 4,800')
    expect(wordsOfProgress(at(24, null, '24 versions'))).toBe('24 versions')
    expect(wordsOfProgress(aRun({ state: 'queued' }))).toBe('Waiting for its turn')
    expect(wordsOfProgress({ ...at(1, 2), cancelling: true })).toBe('Stopping…')
  })

  it('never shows more than everything or less than nothing', () => {
    expect([at(5, 4), at(-1, 4), at(1, 0), at(1, 4)].map(percentDone)).toEqual([100, 0, undefined, 25])
  })

  it('says how long it took, or takes until now', () => {
    expect(durationOf(at(1, 2), after(7))).toBe(7_000)
    expect(durationOf({ ...at(2, 2), finishedAt: '2026-05-03T10:00:03.000Z' }, after(60))).toBe(3_000)
    expect(durationOf(aRun({}), after(1))).toBeUndefined()
    expect([400, 4_400, 60_000, 200_000, 7_500_000].map(wordsOfTime)).toEqual([
      'less than a second',
      '4 s',
      '1 min',
      '3 min 20 s',
      '2 h 5 min',
    ])
  })

  it('tells what came of it: the sentence of the plugin, what it counted, or why it failed', () => {
    const error = { code: 'X', kind: 'transient', message: 'The server is away.', nextStep: 'Wait.' } as const
    expect(sentenceOfOutcome(aRun({ state: 'succeeded', result: { message: 'Synced' } }))).toBe('Synced')
    expect(sentenceOfOutcome(aRun({ state: 'succeeded', counts: { modelCount: 48, failed: 0 } }))).toBe(
      'Model count: 48',
    )
    expect(sentenceOfOutcome(aRun({ state: 'succeeded' }))).toBe('Done')
    expect(sentenceOfOutcome(aRun({ state: 'failed', error }))).toBe('The server is away.')
    expect(sentenceOfOutcome(aRun({ state: 'cancelled' }))).toBe('It was stopped.')
    expect(wordsOfCounts({ counts: { a: 1, b: 2, c: 3 } }, 2)).toEqual(['A: 1', 'B: 2'])
  })
})
