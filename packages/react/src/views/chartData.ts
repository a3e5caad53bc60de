import type { ViewChart } from '@tenon/contract'
import type { TrendProps } from '../charts/trendPoints.js'
import { pointed } from './route.js'
import { textOf } from './Value.js'

type Row = Readonly<Record<string, unknown>>

/** A plugin may know hundreds of names of numbers; nobody looks at more charts than this. */
const mostCharts = 12

/** The route of a chart with the values of a row in it; undefined when the row lacks one of them, or has one that leads elsewhere. */
export function routeOfRow(route: string, row: Row): string | undefined {
  const values: string[] = []
  const filled = route.replaceAll(/:([A-Za-z0-9_][A-Za-z0-9._-]*)/g, (_, name: string) => {
    const value = textOf(row[name])
    values.push(value)
    return encodeURIComponent(value)
  })
  return values.some((value) => /^\.{0,2}$/.test(value)) ? undefined : filled
}

/** What is drawn of an answer: one chart with a line for each of the series, or a chart for each name of a number. */
export function chartsOf(answer: unknown, chart: ViewChart): TrendProps[] {
  const found = chart.points === undefined ? answer : pointed(answer, chart.points)
  const rows = Array.isArray(found) ? found.filter(isRow) : []
  const axis = capitalized(chart.x)
  const { valuesFrom } = chart
  if (valuesFrom === undefined) {
    const lines = chart.series ?? []
    const points = rows.map((row) =>
      pointOf(
        row[chart.x],
        lines.map(({ key }) => [key, row[key]]),
      ),
    )
    return points.some(({ values }) => hasNumber(values)) ? [{ title: chart.title, axis, lines, points }] : []
  }
  const named = rows.map((row) => ({ at: row[chart.x], numbers: isRow(row[valuesFrom]) ? row[valuesFrom] : {} }))
  const names = [...new Set(named.flatMap(({ numbers }) => Object.keys(numbers)))].sort()
  return names
    .map((name) => ({
      title: name,
      axis,
      lines: [{ key: name, title: name }],
      points: named.map(({ at, numbers }) => pointOf(at, [[name, numbers[name]]])),
    }))
    .filter(({ points }) => points.some(({ values }) => hasNumber(values)))
    .slice(0, mostCharts)
}

function pointOf(place: unknown, values: readonly (readonly [string, unknown])[]) {
  return { label: textOf(place), values: Object.fromEntries(values.map(([key, value]) => [key, numberOf(value)])) }
}

/** PostgreSQL sends large numbers as text; "NaN" and words are nothing that can be drawn. */
function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : null
}

const hasNumber = (values: Readonly<Record<string, number | null>>): boolean =>
  Object.values(values).some((value) => value !== null)

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

function capitalized(key: string): string {
  const words = key.replaceAll(/[_-]+/g, ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
