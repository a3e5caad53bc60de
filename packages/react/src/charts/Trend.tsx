import { Skeleton } from '@mantine/core'
import { lazy, Suspense, useId } from 'react'
import { strokeOf } from './strokes.js'
import { describeTrend, formatNumber, maxPoints, type TrendProps } from './trendPoints.js'

/** The chart library is large, and few pages have a chart. */
const TrendPlot = lazy(() => import('./TrendPlot.js').then((part) => ({ default: part.TrendPlot })))

/**
 * A small chart of what changes over time, versions or whatever else has an order. The arrow keys go from place to
 * place; the same in words is read out, and all of it is there as a table.
 *
 * @example
 * const points = [{ label: '1', values: { auc: 0.82 } }, { label: '2', values: { auc: 0.91 } }]
 * return <Trend title="Accuracy" axis="Version" lines={[{ key: 'auc', title: 'AUC' }]} points={points} />
 * @since 0.1.0
 */
export function Trend(props: TrendProps) {
  const id = useId()
  const shown = { ...props, points: props.points.slice(-maxPoints) }
  return (
    <figure className="tn-trend" aria-labelledby={`${id}-title`} aria-describedby={`${id}-words`}>
      <figcaption id={`${id}-title`}>{shown.title}</figcaption>
      {shown.lines.length > 1 && <Legend {...shown} />}
      <p id={`${id}-words`} className="tn-hidden">
        {describeTrend(shown)}
      </p>
      <div className="tn-trend-plot">
        <Suspense fallback={<Skeleton height="100%" aria-busy />}>
          <TrendPlot {...shown} />
        </Suspense>
      </div>
      <TrendTable {...shown} />
    </figure>
  )
}

function Legend({ lines, as }: TrendProps) {
  return (
    <ul className="tn-trend-legend" aria-hidden>
      {lines.map((line, index) => {
        const { colour, dash } = strokeOf(line, index)
        const drawn = as === 'columns' ? { strokeWidth: 10 } : { strokeWidth: 2, strokeDasharray: dash }
        return (
          <li key={line.key}>
            <svg width={18} height={10}>
              <path d="M0 5h18" stroke={colour} {...drawn} />
            </svg>
            {line.title}
          </li>
        )
      })}
    </ul>
  )
}

function TrendTable({ title, axis, lines, points, format = formatNumber }: TrendProps) {
  return (
    <details className="tn-trend-table">
      <summary>
        As a table<span className="tn-hidden">: {title}</span>
      </summary>
      {/* It scrolls, so the keyboard has to reach it. */}
      <div tabIndex={0} role="group" aria-label={`${title}, as a table`}>
        <table>
          <thead>
            <tr>
              <th scope="col">{axis}</th>
              {lines.map((line) => (
                <th key={line.key} scope="col">
                  {line.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {points.map(({ label, values }, index) => (
              <tr key={index}>
                <th scope="row">{label}</th>
                {lines.map(({ key }) => {
                  const value = values[key]
                  return <td key={key}>{typeof value === 'number' ? format(value) : '—'}</td>
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
