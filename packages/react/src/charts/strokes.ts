import type { TrendLine } from './trendPoints.js'

/** How lines are told apart: by variables of the stylesheet, and by dashes for whoever does not see colours. */
const strokes = ['', '6 4', '2 3', '8 3 2 3', '12 4', '4 2'].map((dash, index) => ({
  colour: `var(--tn-line-${index})`,
  dash,
}))

export function strokeOf({ tone }: TrendLine, index: number): { colour: string; dash: string } {
  const stroke = strokes[index % strokes.length] ?? { colour: 'currentColor', dash: '' }
  return tone === 'bad' ? { ...stroke, colour: 'var(--tn-line-bad)' } : stroke
}
