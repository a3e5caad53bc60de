import { Button } from '@mantine/core'
import { type ReactNode, useMemo, useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { InstallDialog } from '../installation/InstallDialog.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import { useInstallations } from '../plugins/queries.js'
import { Badge, StatusBadge } from '../plugins/StatusBadge.js'
import type { Plugin } from '../plugins/types.js'
import { usePlugins } from '../plugins/usePlugins.js'
import { DeclineDialog } from './DeclineDialog.js'
import type { PluginRequest } from './request.repository.js'
import { usePluginRequests } from './requests.js'

export interface PluginRequestsProps {
  /** How people are called. */
  nameOf?: ((userId: number) => string | undefined) | undefined
  /** How a plugin is shown, with a link to its page for instance. Default: its name. */
  pluginOf?: ((request: PluginRequest) => ReactNode) | undefined
  /** Called by the button that follows a successful installation. */
  onContinue?: ((plugin: Plugin) => void) | undefined
}

/**
 * For admins: the plugins that people of the organization asked for, who did and why, to be installed or declined. An
 * installation answers everybody who asked for the plugin.
 *
 * @example <PluginRequests nameOf={(id) => names.get(id)} pluginOf={({ pluginKey, plugin }) => <a href={`/plugins/${pluginKey}`}>{plugin}</a>} />
 * @since 0.1.0
 */
export function PluginRequests({ nameOf, pluginOf = ({ plugin }) => plugin, onContinue }: PluginRequestsProps) {
  const { data, error, refetch } = usePluginRequests({ state: 'open' })
  const { plugins } = usePlugins()
  const [installing, setInstalling] = useState<Plugin>()
  const [declining, setDeclining] = useState<PluginRequest>()
  const list = useRef<HTMLDivElement>(null)
  const groups = useMemo(() => byPlugin(data?.items ?? []), [data])
  const asker = ({ requestedBy }: PluginRequest) => nameOf?.(requestedBy) ?? `Member ${requestedBy}`
  if (error && !data)
    return <ErrorNote error={error} title="The requests cannot be shown" onRetry={() => void refetch()} />
  if (!data) return <Loading height={120} />
  return (
    <div ref={list} tabIndex={-1} className="tn-requests" role="group" aria-label="Requests for plugins">
      {groups.length === 0 && (
        <p className="tn-quiet">Nobody waits for a plugin. Editors ask for one in the marketplace.</p>
      )}
      <ol className="tn-list">
        {groups.map(([first, ...others]) => (
          <Group
            key={first.pluginKey}
            requests={[first, ...others]}
            plugin={plugins.find(({ key }) => key === first.pluginKey)}
            title={pluginOf(first)}
            asker={asker}
            onInstall={setInstalling}
            onDecline={setDeclining}
          />
        ))}
      </ol>
      <InstallDialog
        plugin={installing}
        onClose={() => setInstalling(undefined)}
        onContinue={(plugin) => {
          setInstalling(undefined)
          onContinue?.(plugin)
        }}
      />
      <DeclineDialog
        request={declining}
        asker={declining ? asker(declining) : ''}
        onClose={() => setDeclining(undefined)}
        // The button that opened it went with its request.
        onGone={() => document.activeElement === document.body && list.current?.focus()}
      />
    </div>
  )
}

interface GroupProps {
  requests: PluginRequest[]
  /** Absent when the marketplace no longer has it. */
  plugin: Plugin | undefined
  title: ReactNode
  asker: (request: PluginRequest) => string
  onInstall: (plugin: Plugin) => void
  onDecline: (request: PluginRequest) => void
}

/** One plugin, and everybody who asked for it. */
function Group({ requests, plugin, title, asker, onInstall, onDecline }: GroupProps) {
  return (
    <li className="tn-request">
      <div className="tn-request-plugin">
        {plugin && <PluginIcon plugin={plugin} />}
        <div>
          <strong>{title}</strong>
          <p className="tn-quiet">{plugin?.description ?? 'It is no longer in the marketplace.'}</p>
        </div>
        {plugin && <Answer plugin={plugin} onInstall={onInstall} />}
      </div>
      <ul className="tn-request-askers">
        {requests.map((request) => (
          <li key={request.id}>
            <div>
              <p>
                <strong>{asker(request)}</strong>{' '}
                <span className="tn-quiet">
                  · <time dateTime={request.requestedAt}>{momentOf(request.requestedAt)}</time>
                </span>
              </p>
              {request.note && <p className="tn-request-note">{request.note}</p>}
            </div>
            <Button
              size="xs"
              variant="default"
              aria-label={`Decline ${request.plugin} for ${asker(request)}`}
              onClick={() => onDecline(request)}
            >
              Decline
            </Button>
          </li>
        ))}
      </ul>
    </li>
  )
}

function Answer({ plugin, onInstall }: Pick<GroupProps, 'onInstall'> & { plugin: Plugin }) {
  const installations = useInstallations()
  const status = installations.data?.find(({ pluginKey }) => pluginKey === plugin.key)?.status
  if (status !== undefined && status !== 'failed') return <StatusBadge status={status} />
  if (plugin.installable === false) return <Badge tone="warn">Not installable here</Badge>
  return (
    <Button size="xs" aria-label={`Install ${plugin.displayName}`} onClick={() => onInstall(plugin)}>
      Install
    </Button>
  )
}

/** What waits longest comes first. */
function byPlugin(requests: readonly PluginRequest[]): [PluginRequest, ...PluginRequest[]][] {
  const groups = new Map<string, [PluginRequest, ...PluginRequest[]]>()
  for (const request of [...requests].reverse()) {
    const group = groups.get(request.pluginKey)
    if (group) group.push(request)
    else groups.set(request.pluginKey, [request])
  }
  return [...groups.values()]
}
