import { numberOf } from '../views/numberOf.js'

/** A line of a chart. */
export interface TrendLine {
  key: string
  title: string
  /** What nobody wants more of, such as errors. */
  tone?: 'bad'
}

/** A place on the axis, with what was measured there; null where nothing was. */
export interface TrendPoint {
  label: string
  values: Readonly<Record<string, number | null>>
}

export interface TrendProps {
  title: string
  /** What the places on the axis are, for the head of the table: "Hour", "Version". */
  axis: string
  lines: readonly TrendLine[]
  points: readonly TrendPoint[]
  /** Amounts are drawn as columns from zero; figures as lines, in the range that they have. Default: lines. */
  as?: 'lines' | 'columns' | undefined
  /** How a number is written. Default: with at most four decimals. */
  format?: ((value: number) => string) | undefined
}

/** More places than this cannot be told apart; the last ones are shown. */
export const maxPoints = 500

export function formatNumber(value: number): string {
  return numberOf(value)
}

/** A chart in words, for those who do not see it: how each line begins and ends, and its range. */
export function describeTrend({ lines, points, format = formatNumber }: TrendProps): string {
  const sentences = lines.flatMap(({ key, title }) => {
    const known = points.flatMap(({ label, values }) => {
      const value = values[key]
      return typeof value === 'number' ? [{ label, value }] : []
    })
    const [first, last] = [known[0], known.at(-1)]
    if (!first || !last) return []
    if (known.length === 1) return [`${title}: ${format(first.value)} at ${first.label}.`]
    const all = known.map(({ value }) => value)
    return [
      `${title}: from ${format(first.value)} at ${first.label} to ${format(last.value)} at ${last.label}, ` +
        `at least ${format(Math.min(...all))}, at most ${format(Math.max(...all))}.`,
    ]
  })
  return sentences.join(' ') || 'Nothing was measured.'
}
