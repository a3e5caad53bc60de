import { Trend } from '../charts/Trend.js'
import type { TrendPoint } from '../charts/trendPoints.js'
import type { PluginHealth } from './records.js'

const hour = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const milliseconds = (value: number): string => `${value.toLocaleString('en', { maximumFractionDigits: 0 })} ms`

/** The calls of the last day, hour by hour: how many, how many failed, and how long they took. */
export function HealthCharts({ hours }: { hours: PluginHealth['hours'] }) {
  if (!hours?.some(({ calls }) => calls > 0)) return null
  const points = hours.map(({ at, calls, errors, meanMs, p95Ms }): TrendPoint => ({
    label: hour.format(new Date(at)),
    values: { worked: calls - errors, errors, meanMs, p95Ms },
  }))
  return (
    <section className="tn-trends" aria-label="The last 24 hours">
      <Trend
        title="Calls in each hour"
        axis="Hour"
        as="columns"
        lines={[
          { key: 'worked', title: 'Worked' },
          { key: 'errors', title: 'Failed', tone: 'bad' },
        ]}
        points={points}
      />
      <Trend
        title="How long they took"
        axis="Hour"
        lines={[
          { key: 'meanMs', title: 'Usual time' },
          { key: 'p95Ms', title: '95% take less than' },
        ]}
        points={points}
        format={milliseconds}
      />
    </section>
  )
}
