import { useQuery } from '@tanstack/react-query'
import type { ViewChart } from '@tenon/contract'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { Trend } from '../charts/Trend.js'
import { pluginKeys } from '../plugins/queries.js'
import type { Plugin } from '../plugins/types.js'
import { chartsOf, routeOfRow } from './chartData.js'
import { callRoute } from './route.js'

interface RowChartsProps {
  plugin: Plugin
  charts: readonly ViewChart[]
  row: Readonly<Record<string, unknown>>
}

/** The charts that a view declares for one of its rows. */
export function RowCharts({ plugin, charts, row }: RowChartsProps) {
  return charts.map((chart, index) => <RowChart key={index} plugin={plugin} chart={chart} row={row} />)
}

function RowChart({ plugin, chart, row }: Omit<RowChartsProps, 'charts'> & { chart: ViewChart }) {
  const route = routeOfRow(chart.route, row)
  const answer = useQuery({
    queryKey: pluginKeys.of(plugin.key, 'chart', route),
    queryFn: ({ signal }) => callRoute<unknown>(plugin.key, route ?? '', { signal }),
    enabled: route !== undefined,
  })
  if (route === undefined) return null
  const charts = chartsOf(answer.data, chart)
  return (
    <section aria-label={chart.title}>
      <h3>{chart.title}</h3>
      {answer.error && !answer.data ? (
        <ErrorNote
          error={answer.error}
          title={`${chart.title} cannot be shown`}
          onRetry={() => void answer.refetch()}
        />
      ) : answer.isPending ? (
        <Loading height={180} />
      ) : charts.length === 0 ? (
        <p className="tn-quiet">Nothing was measured.</p>
      ) : (
        <div className="tn-trends">
          {charts.map((trend) => (
            <Trend key={trend.title} {...trend} />
          ))}
        </div>
      )}
    </section>
  )
}
