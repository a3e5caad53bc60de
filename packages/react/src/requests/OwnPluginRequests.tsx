import { Button } from '@mantine/core'
import { type ReactNode, useRef, useState } from 'react'
import { dayOf } from '../api/dayOf.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { ReasonedButton } from '../api/ReasonedButton.js'
import { whyNotInstallable } from '../installation/whyNotInstallable.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import { Badge } from '../plugins/StatusBadge.js'
import type { Plugin } from '../plugins/types.js'
import { usePlugins } from '../plugins/usePlugins.js'
import type { PluginRequest } from './request.repository.js'
import { RequestDialog } from './RequestDialog.js'
import { useOwnRequests, usePluginRequests, useWithdrawRequest } from './requests.js'

export interface OwnPluginRequestsProps {
  /** How a plugin is shown, with a link to its page for instance. Default: its name. */
  pluginOf?: ((request: PluginRequest) => ReactNode) | undefined
  /** Shown when nothing waits for an answer and nothing was declined. */
  empty?: ReactNode
}

/**
 * For somebody who may not install plugins: those that the person asked for, what an admin answered, and the way to take
 * a request back or to ask again. What was installed or withdrawn is no longer of interest.
 *
 * @example <OwnPluginRequests pluginOf={({ pluginKey, plugin }) => <a href={`/plugins/${pluginKey}`}>{plugin}</a>} />
 * @since 0.1.0
 */
export function OwnPluginRequests({ pluginOf = ({ plugin }) => plugin, empty }: OwnPluginRequestsProps) {
  const { data, error, refetch } = usePluginRequests()
  const requests = [...useOwnRequests().values()].filter(isOfInterest).sort(openFirst)
  const { plugins } = usePlugins()
  const withdraw = useWithdrawRequest()
  const [asking, setAsking] = useState<Plugin>()
  const list = useRef<HTMLDivElement>(null)
  if (error && !data)
    return <ErrorNote error={error} title="Your requests cannot be shown" onRetry={() => void refetch()} />
  if (!data) return <Loading height={120} />
  return (
    <div ref={list} tabIndex={-1} className="tn-requests" role="group" aria-label="Your requests">
      {requests.length === 0 && (empty ?? <p className="tn-quiet">Nothing that you asked for waits for an answer.</p>)}
      {withdraw.error && <ErrorNote error={withdraw.error} title="It could not be withdrawn" />}
      <ol className="tn-list">
        {requests.map((request) => (
          <OwnRequest
            key={request.id}
            request={request}
            plugin={plugins.find(({ key }) => key === request.pluginKey)}
            title={pluginOf(request)}
            busy={withdraw.isPending && withdraw.variables.id === request.id}
            // The button goes with its request.
            onWithdraw={() => withdraw.mutate({ id: request.id }, { onSuccess: () => list.current?.focus() })}
            onAskAgain={setAsking}
          />
        ))}
      </ol>
      <RequestDialog plugin={asking} onClose={() => setAsking(undefined)} />
    </div>
  )
}

interface OwnRequestProps {
  request: PluginRequest
  /** Absent when the marketplace no longer has it. */
  plugin: Plugin | undefined
  title: ReactNode
  busy: boolean
  onWithdraw: () => void
  onAskAgain: (plugin: Plugin) => void
}

function OwnRequest({ request, plugin, title, busy, onWithdraw, onAskAgain }: OwnRequestProps) {
  const { state, requestedAt, endedAt, note, reason } = request
  const isOpen = state === 'open'
  return (
    <li className="tn-request">
      <div className="tn-request-plugin tn-request-own">
        {plugin && <PluginIcon plugin={plugin} />}
        <div>
          <strong>{title}</strong> {isOpen ? null : <Badge tone="warn">Declined</Badge>}
          <p className="tn-quiet">
            {isOpen
              ? `Asked on ${dayOf(requestedAt)}. An admin has not answered yet.`
              : `Declined on ${dayOf(endedAt ?? requestedAt)}. ${reason ? '' : 'No reason was given.'}`}
          </p>
          {isOpen && note ? <p className="tn-request-note">{note}</p> : null}
          {!isOpen && reason ? <p className="tn-request-note">{reason}</p> : null}
        </div>
        {isOpen ? (
          <Button
            size="xs"
            variant="default"
            loading={busy}
            aria-label={`Withdraw the request for ${request.plugin}`}
            onClick={onWithdraw}
          >
            Withdraw
          </Button>
        ) : plugin ? (
          <ReasonedButton
            size="xs"
            variant="default"
            reason={whyNotInstallable(plugin)}
            aria-label={`Ask again for ${request.plugin}`}
            onClick={() => onAskAgain(plugin)}
          >
            Ask again
          </ReasonedButton>
        ) : null}
      </div>
    </li>
  )
}

const isOfInterest = ({ state }: PluginRequest): boolean => state === 'open' || state === 'declined'

const openFirst = (one: PluginRequest, other: PluginRequest): number =>
  Number(other.state === 'open') - Number(one.state === 'open') || other.requestedAt.localeCompare(one.requestedAt)
