import {
  Bar,
  CartesianGrid,
  ComposedChart,
  Line,
  ResponsiveContainer,
  Tooltip,
  type TooltipContentProps,
  XAxis,
  YAxis,
} from 'recharts'
import { strokeOf } from './strokes.js'
import { formatNumber, type TrendPoint, type TrendProps } from './trendPoints.js'

/** With more, the marks would hide the line. */
const mostMarks = 40

/** What is drawn of a chart. Colours are variables of the stylesheet, and nothing moves by itself. */
export function TrendPlot({ title, lines, points, as = 'lines', format = formatNumber }: TrendProps) {
  return (
    <ResponsiveContainer width="100%" height="100%">
      <ComposedChart
        data={[...points]}
        margin={{ top: 8, right: 12, bottom: 0, left: 0 }}
        aria-label={`${title}: the arrow keys go from place to place`}
      >
        <CartesianGrid vertical={false} stroke="var(--tn-line)" />
        <XAxis
          dataKey={({ label }: TrendPoint) => label}
          tick={tick}
          tickLine={false}
          axisLine={{ stroke: 'var(--tn-line-strong)' }}
          minTickGap={16}
          interval="preserveStartEnd"
        />
        <YAxis
          width="auto"
          tick={tick}
          tickLine={false}
          axisLine={false}
          tickCount={4}
          domain={as === 'columns' ? [0, 'auto'] : ['auto', 'auto']}
          allowDecimals={as === 'lines'}
          tickFormatter={format}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={as === 'columns' ? { fill: 'var(--tn-line)', opacity: 0.5 } : { stroke: 'var(--tn-line-strong)' }}
          content={(tooltip) => <PlotTooltip {...tooltip} format={format} />}
        />
        {lines.map((line, index) => {
          const { key, title: name } = line
          const { colour, dash } = strokeOf(line, index)
          const dataKey = ({ values }: TrendPoint) => values[key] ?? null
          return as === 'columns' ? (
            <Bar key={key} name={name} dataKey={dataKey} stackId="all" fill={colour} isAnimationActive={false} />
          ) : (
            <Line
              key={key}
              name={name}
              dataKey={dataKey}
              stroke={colour}
              strokeWidth={2}
              strokeDasharray={dash}
              connectNulls
              dot={points.length <= mostMarks && { r: 3, fill: colour, strokeDasharray: '' }}
              activeDot={{ r: 5, fill: colour, stroke: 'var(--tn-surface)' }}
              isAnimationActive={false}
            />
          )
        })}
      </ComposedChart>
    </ResponsiveContainer>
  )
}

const tick = { fill: 'var(--tn-quiet)', fontSize: 11 }

type PlotTooltipProps = Pick<TooltipContentProps, 'active' | 'payload' | 'label'> & {
  format: (value: number) => string
}

function PlotTooltip({ active, payload, label, format }: PlotTooltipProps) {
  if (!active || payload.length === 0) return null
  return (
    <div className="tn-trend-tip">
      <strong>{label}</strong>
      {payload.map(({ name, value }) => (
        <span key={String(name)}>
          {name} <b>{typeof value === 'number' ? format(value) : '—'}</b>
        </span>
      ))}
    </div>
  )
}
