import { Alert } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import { momentOf } from '../api/momentOf.js'
import type { PluginAlert } from './run.repository.js'
import { useAlerts } from './runs.js'

export interface PluginAlertsProps {
  /** Only those of one plugin. */
  pluginKey?: string | undefined
  /** Where the person goes to do something about it. */
  action?: ((alert: PluginAlert) => ReactNode) | undefined
}

/**
 * What goes on failing, a sync, a connection or what takes events, with what to do about it. Nothing when all is well.
 *
 * @example <PluginAlerts action={(alert) => <a href={`/plugins/${alert.pluginKey}`}>Open</a>} />
 * @since 0.1.0
 */
export function PluginAlerts({ pluginKey, action }: PluginAlertsProps) {
  const { data = [] } = useAlerts()
  return data
    .filter((alert) => pluginKey === undefined || alert.pluginKey === pluginKey)
    .map((alert) => (
      <Alert
        key={`${alert.installationId} ${nameOfSubject(alert)}`}
        className="tn-note tn-alert"
        data-tone="warn"
        icon={<TriangleAlert size={18} />}
        title={titleOf(alert)}
        mb="md"
      >
        <p>{alert.error.message}</p>
        <p>{alert.error.nextStep}</p>
        <p className="tn-quiet">Last on {momentOf(alert.lastFailedAt)}</p>
        {action ? <div className="tn-alert-action">{action(alert)}</div> : null}
      </Alert>
    ))
}

function nameOfSubject({ subject }: PluginAlert): string {
  if (subject.kind === 'events') return subject.kind
  return subject.kind === 'action' ? subject.title : subject.account
}

function titleOf({ plugin, subject, failures }: PluginAlert): string {
  if (subject.kind === 'events') return `${plugin} did not take ${countOf(failures, 'event')} in a row`
  return subject.kind === 'action'
    ? `${plugin}: “${subject.title}” failed ${failures} times in a row`
    : `${plugin}: ${subject.account} no longer works`
}
