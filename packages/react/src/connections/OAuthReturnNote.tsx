import { Alert, Loader } from '@mantine/core'
import { CircleCheck, CircleX } from 'lucide-react'
import { RequestId } from '../api/RequestId.js'
import { useInstallations } from '../plugins/queries.js'
import type { Plugin } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { givenNameOf } from './accountOf.js'
import type { OAuthReturn } from './useOAuthReturn.js'

export interface OAuthReturnNoteProps {
  returned: OAuthReturn
}

/**
 * Says what became of a sign-in at a service: under way, connected, refused there, or failed here, and what to do.
 *
 * @example
 * const returned = useOAuthReturn()
 * return returned && <OAuthReturnNote returned={returned} />
 * @since 0.1.0
 */
export function OAuthReturnNote({ returned }: OAuthReturnNoteProps) {
  const { data = [] } = useInstallations()
  const plugin = data.find((installation) => keyOf(installation) === returned.pluginKey)?.plugin
  const name = plugin?.displayName ?? 'The plugin'
  if (returned.state === 'connecting') {
    return (
      <Alert className="tn-note" icon={<Loader size={16} />} role="status" mb="md">
        Connecting {plugin?.displayName}…
      </Alert>
    )
  }
  const closing = { withCloseButton: true, closeButtonLabel: 'Close', onClose: returned.dismiss, mb: 'md' }
  if (returned.state === 'connected') {
    const account = accountNameOf(returned, plugin)
    return (
      <Alert
        {...closing}
        className="tn-note"
        data-tone="good"
        icon={<CircleCheck size={18} />}
        title={account ? `${name} is connected to ${account}` : `${name} is connected`}
        role="status"
      />
    )
  }
  const { error } = returned
  return (
    <Alert
      {...closing}
      className="tn-note"
      data-tone="bad"
      icon={<CircleX size={18} />}
      title={`${name} was not connected`}
      role="alert"
    >
      <p>{error.message}</p>
      <RequestId error={error} />
    </Alert>
  )
}

function accountNameOf({ workspace }: OAuthReturn & { state: 'connected' }, plugin?: Plugin): string | undefined {
  const names = (plugin?.contributes?.connections ?? []).map((connection) => givenNameOf(workspace, connection))
  return names.find((name) => name !== undefined)
}
