import { Anchor } from '@mantine/core'
import { type PluginAlert, PluginAlerts } from '@tenon/react'
import { Link } from 'react-router'
import { useMay } from '../session/session.js'
import { runAddress } from './runAddress.js'

/** For admins: what goes on failing in the organization, or of one plugin, and the way to it. */
export function Alerts({ pluginKey }: { pluginKey?: string }) {
  const isAdmin = useMay('Admin')
  if (!isAdmin) return null
  return (
    <PluginAlerts
      pluginKey={pluginKey}
      action={(alert) => {
        const { to, label } = wayTo(alert)
        return (
          <Anchor component={Link} to={to}>
            {label}
          </Anchor>
        )
      }}
    />
  )
}

function wayTo({ pluginKey, subject }: PluginAlert): { to: string; label: string } {
  const section = (id: string) => `/plugins/${pluginKey}/manage?section=${id}`
  if (subject.kind === 'action') return { to: runAddress({ pluginKey, id: subject.runId }), label: 'Show the last run' }
  return subject.kind === 'events'
    ? { to: section('events'), label: 'Open its events' }
    : { to: section('connections'), label: 'Open its connections' }
}
