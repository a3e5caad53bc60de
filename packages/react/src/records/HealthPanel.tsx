import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { wordsOf } from '../api/wordsOf.js'
import { Badge, type Tone } from '../plugins/StatusBadge.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { HealthCharts } from './HealthCharts.js'
import { Restarts } from './Restarts.js'
import { isMissing, type PluginHealth, usePluginHealth } from './records.js'

const tones: Record<string, Tone | 'warn'> = {
  running: 'good',
  idle: 'good',
  changing: 'busy',
  disabled: 'quiet',
  failing: 'warn',
  crash_loop: 'bad',
  unresponsive: 'bad',
  failed: 'bad',
  blocked: 'bad',
}

/** Of states whose names are for operators. */
const words: Record<string, string> = { crash_loop: 'Keeps crashing', unresponsive: 'Does not answer' }

/**
 * How a plugin is, in words, what to do about it, and figures of the last day.
 *
 * @example <HealthPanel installation={installation} />
 * @since 0.1.0
 */
export function HealthPanel({ installation }: { installation: PluginInstallation }) {
  const health = usePluginHealth({ pluginKey: keyOf(installation), installationId: installation.id })
  if (isMissing(health.error)) return null
  if (health.error && !health.data)
    return <ErrorNote error={health.error} title="The health cannot be shown" onRetry={() => void health.refetch()} />
  if (!health.data) return <Loading height={120} />
  const { state, summary, since, next, crashes } = health.data
  return (
    <div className="tn-health">
      <div>
        <Badge tone={tones[state] ?? 'note'}>{words[state] ?? wordsOf(state)}</Badge>
        <p className="tn-health-words">{summary}</p>
        {since ? <p className="tn-quiet">Since {momentOf(since)}</p> : null}
        {next ? <p className="tn-health-next">{next}</p> : null}
      </div>
      <Figures health={health.data} />
      <HealthCharts hours={health.data.hours} />
      <Restarts ends={health.data.ends ?? crashes} />
    </div>
  )
}

function Figures({ health: { calls, restarts, processes, budgets } }: { health: PluginHealth }) {
  const memory = processes.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
  const time = (ms: number | null): string => (ms === null ? '—' : `${Math.round(ms).toLocaleString('en')} ms`)
  const figures: [title: string, value: string][] = [
    ['Calls in 24 hours', calls.calls.toLocaleString('en')],
    ['Failed', calls.errors.toLocaleString('en')],
    ['Usual time', time(calls.meanMs)],
    ['95% take less than', time(calls.p95Ms)],
    ['Restarts', restarts.toLocaleString('en')],
    ['Memory now', memory === 0 ? 'Not running' : `${Math.round(memory / 1_000_000)} MB`],
  ]
  return (
    <>
      <dl className="tn-figures">
        {figures.map(([title, value]) => (
          <div key={title}>
            <dt>{title}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Budgets budgets={budgets} />
    </>
  )
}

function Budgets({ budgets }: Pick<PluginHealth, 'budgets'>) {
  const limited = budgets.flatMap(({ limit, ...budget }) => (limit !== null && limit > 0 ? { ...budget, limit } : []))
  if (limited.length === 0) return null
  return (
    <section aria-label="What it uses of its limits">
      <h3>What it uses of its limits</h3>
      <ul className="tn-budgets">
        {limited.map(({ name, used, limit, unit }) => (
          <li key={name}>
            <span>
              {wordsOf(name)} <span className="tn-quiet">{amountOf(used, limit, unit)}</span>
            </span>
            <meter min={0} max={limit} value={Math.min(used, limit)} aria-label={wordsOf(name)} />
          </li>
        ))}
      </ul>
    </section>
  )
}

/** "50 of 537 MB", "2 of 2 connections, all that it may have" */
function amountOf(used: number, limit: number, unit: string): string {
  const [size, shown, maximumFractionDigits] = unit === 'bytes' ? [1_000_000, 'MB', 0] : [1, unit, 1]
  const text = (value: number) => (value / size).toLocaleString('en', { maximumFractionDigits })
  return `${text(used)} of ${text(limit)} ${shown}${used >= limit ? ', all that it may have' : ''}`
}
