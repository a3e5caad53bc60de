import { describe, expect, it } from 'vitest'
import { describeTrend } from '../charts/trendPoints.js'
import { chartsOf, routeOfRow } from './chartData.js'

const byName = { title: 'Metrics', route: 'GET /models/:id/versions', points: '/versions', x: 'version', series: [] }

describe('the route of a chart', () => {
  it('has the values of the row in it, which cannot leave their place', () => {
    expect(routeOfRow('GET /models/:id/versions', { id: 7 })).toBe('GET /models/7/versions')
    expect(routeOfRow('GET /models/:name', { name: '../a b' })).toBe('GET /models/..%2Fa%20b')
  })

  it.each(['.', '..'])('is not there for a row with a value that means another place: %s', (name) => {
    expect(routeOfRow('GET /:name/:name/users', { name })).toBeUndefined()
  })

  it('is not there for a row that lacks one of them', () => {
    expect(routeOfRow('GET /models/:id/:name', { id: 7, name: null })).toBeUndefined()
  })
})

describe('a chart that is drawn from an answer', () => {
  it('is one for each name of a number, with a gap where there is none', () => {
    const answer = {
      versions: [
        { version: '1', metrics: { auc: 0.7, note: 'words' } },
        { version: '2', metrics: null },
        { version: '3', metrics: { auc: '0.9', loss: 0.1 } },
      ],
    }
    expect(chartsOf(answer, { ...byName, valuesFrom: 'metrics' })).toEqual([
      {
        title: 'auc',
        axis: 'Version',
        lines: [{ key: 'auc', title: 'auc' }],
        points: [
          { label: '1', values: { auc: 0.7 } },
          { label: '2', values: { auc: null } },
          { label: '3', values: { auc: 0.9 } },
        ],
      },
      expect.objectContaining({ title: 'loss' }),
    ])
  })

  it('is one with a line for each of the series', () => {
    const series = [
      { key: 'a', title: 'A' },
      { key: 'b', title: 'B' },
    ]
    const charts = chartsOf([{ day: 'Monday', a: 1, b: 2 }], { title: 'Both', route: 'GET /days', x: 'day', series })
    expect(charts).toMatchObject([
      { title: 'Both', axis: 'Day', points: [{ label: 'Monday', values: { a: 1, b: 2 } }] },
    ])
  })

  it('is none where the answer has no numbers, or is something else', () => {
    for (const answer of [undefined, 'words', { versions: 'words' }, { versions: [null, { metrics: { a: 'NaN' } }] }]) {
      expect(chartsOf(answer, { ...byName, valuesFrom: 'metrics' })).toEqual([])
    }
  })

  it('is at most twelve, whatever a plugin measures', () => {
    const metrics = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`m${index}`, index]))
    expect(chartsOf({ versions: [{ version: '1', metrics }] }, { ...byName, valuesFrom: 'metrics' })).toHaveLength(12)
  })
})

describe('a chart in words', () => {
  const lines = [{ key: 'auc', title: 'AUC' }]
  const chart = (values: (number | null)[]) => ({
    title: 'AUC',
    axis: 'Version',
    lines,
    points: values.map((auc, index) => ({ label: String(index + 1), values: { auc } })),
  })

  it('says where a line begins and ends, and its range', () => {
    expect(describeTrend(chart([null, 0.7, 0.95, 0.8]))).toBe(
      'AUC: from 0.7 at 2 to 0.8 at 4, at least 0.7, at most 0.95.',
    )
  })

  it('says so where there is one value, or none', () => {
    expect(describeTrend(chart([0.7]))).toBe('AUC: 0.7 at 1.')
    expect(describeTrend(chart([]))).toBe('Nothing was measured.')
  })
})
