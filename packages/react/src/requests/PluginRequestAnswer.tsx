import { Alert } from '@mantine/core'
import { CircleSlash } from 'lucide-react'
import type { Plugin } from '../plugins/types.js'
import { dayOf } from '../api/dayOf.js'
import { useOwnRequests } from './requests.js'

export interface PluginRequestAnswerProps {
  /** A plugin that is not installed. */
  plugin: Plugin
}

/**
 * For somebody who asked for a plugin: that an admin declined it, and why. Nothing as long as there is no such answer.
 *
 * @example {!isAdmin && <PluginRequestAnswer plugin={plugin} />}
 * @since 0.1.0
 */
export function PluginRequestAnswer({ plugin }: PluginRequestAnswerProps) {
  const request = useOwnRequests().get(plugin.key)
  if (request?.state !== 'declined') return null
  const { reason, endedAt, requestedAt } = request
  return (
    <Alert
      className="tn-note"
      data-tone="warn"
      icon={<CircleSlash size={18} />}
      title={`Your request was declined on ${dayOf(endedAt ?? requestedAt)}`}
      mb="md"
    >
      <p className="tn-request-note">{reason ?? 'No reason was given.'}</p>
    </Alert>
  )
}
