import { describe, expect, it } from 'vitest'
import { formatReport, missedTargets, toJson, verdictOf, type Row } from './report.js'
import { median, p95 } from './statistics.js'

const row = (more: Partial<Row>): Row => ({ id: 'warm', what: 'a warm call', unit: 'ms', ...more })

describe('verdicts', () => {
  it('meets a target at its limit and misses it just beyond', () => {
    expect(verdictOf(row({ value: 1, target: { atMost: 1 } }))).toBe('met')
    expect(verdictOf(row({ value: 1.01, target: { atMost: 1 } }))).toBe('NOT MET')
    expect(verdictOf(row({ value: 100, target: { atLeast: 100 } }))).toBe('met')
    expect(verdictOf(row({ value: 99.9, target: { atLeast: 100 } }))).toBe('NOT MET')
  })

  it('does not count a figure that is missing as good', () => {
    expect(verdictOf(row({ target: { atMost: 1 } }))).toBe('NOT MET')
    expect(verdictOf(row({ value: NaN, target: { atLeast: 1 } }))).toBe('NOT MET')
  })

  it('says nothing about a row without a target', () => {
    expect(verdictOf(row({ value: 7 }))).toBe('')
    expect(missedTargets([{ title: 'Memory', rows: [row({ value: 7 })] }])).toEqual([])
  })

  it('collects what is missed over all sections', () => {
    const good = row({ value: 1, target: { atMost: 2 } })
    const bad = row({ value: 3, target: { atMost: 2 } })
    expect(
      missedTargets([
        { title: 'One', rows: [good] },
        { title: 'Two', rows: [good, bad] },
      ]),
    ).toEqual([bad])
  })
})

describe('the table', () => {
  it('lines up figures, targets and verdicts, with notes below their line', () => {
    const rows = [
      row({ what: 'ours', value: 0.41234, p95: 1234.5, target: { atMost: 1 } }),
      row({ what: 'faster by', value: 87.65, unit: 'times', target: { atLeast: 100 }, note: 'the machine was busy' }),
      row({ what: 'to the registry', value: 0, unit: 'requests', target: { atMost: 0 } }),
    ]
    expect(formatReport([{ title: 'Calls', rows }]).split('\n')).toEqual([
      'Calls',
      '                     figure      p95   target  verdict',
      '  ours             0.412 ms  1235 ms   ≤ 1 ms      met',
      '  faster by          87.7 ×           ≥ 100 ×  NOT MET',
      '      the machine was busy',
      '  to the registry         0               ≤ 0      met',
      '',
    ])
  })

  it('says so when something was not measured', () => {
    const rows = [row({ target: { atMost: 50 }, note: 'npm reaches no registry' })]
    expect(formatReport([{ title: 'Install', rows }])).toContain('not measured')
    expect(toJson([{ title: 'Install', rows }])[0]?.rows[0]).toMatchObject({ verdict: 'NOT MET', id: 'warm' })
  })
})

describe('statistics', () => {
  it('takes the value in the middle, and the one that 95 of 100 do not exceed', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index)
    expect(median(values)).toBe(50.5)
    expect(median([1, 9, 2])).toBe(2)
    expect(p95(values)).toBe(95)
    expect(median([3])).toBe(3)
    expect(() => median([])).toThrow(RangeError)
  })
})
