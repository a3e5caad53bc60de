import { Button } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { ReasonedButton } from '../api/ReasonedButton.js'
import { whyNotInstallable } from '../installation/whyNotInstallable.js'
import type { Plugin } from '../plugins/types.js'
import { RequestDialog } from './RequestDialog.js'
import { dayOf } from '../api/dayOf.js'
import { useOwnRequests, useWithdrawRequest } from './requests.js'

export interface PluginRequestStatusProps {
  /** A plugin that is not installed. */
  plugin: Plugin
}

/**
 * For somebody who may not install a plugin: asks for it, says that it was asked for, and lets it be withdrawn. What an
 * admin answered is said by `PluginRequestAnswer`.
 *
 * @example {!isAdmin && <PluginRequestStatus plugin={plugin} />}
 * @since 0.1.0
 */
export function PluginRequestStatus({ plugin }: PluginRequestStatusProps) {
  const request = useOwnRequests().get(plugin.key)
  const withdraw = useWithdrawRequest()
  const [asking, setAsking] = useState(false)
  const isOpen = request?.state === 'open'
  return (
    <div className="tn-request-status">
      {request && isOpen && <p className="tn-quiet">Asked on {dayOf(request.requestedAt)}</p>}
      {request && isOpen ? (
        <Button variant="default" loading={withdraw.isPending} onClick={() => withdraw.mutate({ id: request.id })}>
          Withdraw
        </Button>
      ) : (
        <ReasonedButton reason={whyNotInstallable(plugin)} onClick={() => setAsking(true)}>
          {request?.state === 'declined' ? 'Ask again' : 'Ask for it'}
        </ReasonedButton>
      )}
      {withdraw.error && <ErrorNote error={withdraw.error} title="It could not be withdrawn" />}
      <RequestDialog plugin={asking ? plugin : undefined} onClose={() => setAsking(false)} />
    </div>
  )
}
