import { Button, Skeleton } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { wordsOf } from '../importing/PluginImporter.js'
import { Badge } from '../plugins/StatusBadge.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { isMissing, usePluginActivity } from './records.js'

export interface PluginActivityProps {
  installation: PluginInstallation
  /** How people are called. */
  nameOf?: (userId: number) => string | undefined
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
  if (isMissing(activity.error)) return null
  if (activity.error) return <ErrorNote error={activity.error} title="The activity cannot be shown" />
  if (!activity.data) return <Skeleton height={120} />
  const { items, total } = activity.data
  return (
    <>
      {items.length === 0 && <p className="tn-quiet">Nothing has been done yet.</p>}
      <ol className="tn-list">
        {items.map(({ id, at, userId, action, outcome, message }) => (
          <li key={id} className="tn-activity">
            <div>
              <strong>{wordsOf(action.replaceAll('-', ' '))}</strong>{' '}
              {outcome === 'done' || outcome === 'succeeded' ? null : (
                <Badge tone={outcome === 'failed' ? 'bad' : 'note'}>{wordsOf(outcome)}</Badge>
              )}
              {message ? <p className="tn-quiet">{message}</p> : null}
            </div>
            <p className="tn-quiet">
              {userId === null ? 'The platform' : (nameOf?.(userId) ?? `Member ${userId}`)} ·{' '}
              <time dateTime={at}>
                {new Date(at).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })}
              </time>
            </p>
          </li>
        ))}
      </ol>
      {total > pageSize && (
        <div className="tn-pager">
          <Button size="xs" variant="default" disabled={page === 1} onClick={() => setPage(page - 1)}>
            Newer
          </Button>
          <Button size="xs" variant="default" disabled={page * pageSize >= total} onClick={() => setPage(page + 1)}>
            Older
          </Button>
        </div>
      )}
    </>
  )
}
