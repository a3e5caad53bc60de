import { Button } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { wordsOf } from '../api/wordsOf.js'
import { Badge } from '../plugins/StatusBadge.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { type ActivityEntry, isMissing, useActivity, usePluginActivity } from './records.js'

export interface PluginActivityProps {
  installation: PluginInstallation
  /** How people are called. */
  nameOf?: ((userId: number) => string | undefined) | undefined
}

const pageSize = 20

/**
 * What was done to a plugin, when and by whom.
 *
 * @example <PluginActivity installation={installation} nameOf={(id) => names.get(id)} />
 * @since 0.1.0
 */
export function PluginActivity({ installation, nameOf }: PluginActivityProps) {
  const [page, setPage] = useState(1)
  const activity = usePluginActivity({ pluginKey: keyOf(installation), installationId: installation.id }, page)
  return <ActivityPages {...activity} page={page} onPage={setPage} nameOf={nameOf} />
}

export interface OrganizationActivityProps extends Pick<PluginActivityProps, 'nameOf'> {
  /** How a plugin is shown, with a link to its page for instance. Default: its key. */
  pluginOf?: ((pluginKey: string) => ReactNode) | undefined
}

/**
 * What was done to all plugins of the organization, when and by whom.
 *
 * @example <OrganizationActivity nameOf={(id) => names.get(id)} pluginOf={(key) => <a href={`/plugins/${key}`}>{key}</a>} />
 * @since 0.1.0
 */
export function OrganizationActivity({ nameOf, pluginOf = (pluginKey) => pluginKey }: OrganizationActivityProps) {
  const [page, setPage] = useState(1)
  return <ActivityPages {...useActivity(page)} page={page} onPage={setPage} nameOf={nameOf} pluginOf={pluginOf} />
}

interface ActivityPagesProps extends OrganizationActivityProps {
  data: { items: ActivityEntry[]; total: number } | undefined
  error: Error | null
  refetch: () => unknown
  page: number
  onPage: (page: number) => void
}

function ActivityPages({ data, error, refetch, page, onPage, nameOf, pluginOf }: ActivityPagesProps) {
  if (isMissing(error)) return null
  if (error && !data)
    return <ErrorNote error={error} title="The activity cannot be shown" onRetry={() => void refetch()} />
  if (!data) return <Loading height={120} />
  const { items, total } = data
  return (
    <>
      {items.length === 0 && (
        <p className="tn-quiet">
          Nothing has been done yet. Who installs, configures or removes a plugin is named here.
        </p>
      )}
      <ol className="tn-list">
        {items.map((entry) => (
          <Entry key={entry.id} entry={entry} nameOf={nameOf} pluginOf={pluginOf} />
        ))}
      </ol>
      {total > pageSize && (
        <div className="tn-pager">
          <Button size="xs" variant="default" disabled={page === 1} onClick={() => onPage(page - 1)}>
            Newer
          </Button>
          <Button size="xs" variant="default" disabled={page * pageSize >= total} onClick={() => onPage(page + 1)}>
            Older
          </Button>
        </div>
      )}
    </>
  )
}

function Entry({ entry, nameOf, pluginOf }: OrganizationActivityProps & { entry: ActivityEntry }) {
  const { at, pluginKey, userId, action, outcome, message } = entry
  return (
    <li className="tn-activity">
      <div>
        <strong>{wordsOf(action.replaceAll('-', ' '))}</strong>
        {pluginOf ? <> · {pluginOf(pluginKey)}</> : null}{' '}
        {outcome === 'done' || outcome === 'succeeded' ? null : (
          <Badge tone={outcome === 'failed' ? 'bad' : 'note'}>{wordsOf(outcome)}</Badge>
        )}
        {message ? <p className="tn-quiet">{message}</p> : null}
      </div>
      <p className="tn-quiet">
        {userId === null ? 'The platform' : (nameOf?.(userId) ?? `Member ${userId}`)} ·{' '}
        <time dateTime={at}>{momentOf(at)}</time>
      </p>
    </li>
  )
}
