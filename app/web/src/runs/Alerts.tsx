import { Anchor } from '@mantine/core'
import { PluginAlerts } from '@tenon/react'
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
      action={(alert) => (
        <Anchor
          component={Link}
          to={
            alert.subject.kind === 'action'
              ? runAddress({ pluginKey: alert.pluginKey, id: alert.subject.runId })
              : `/plugins/${alert.pluginKey}/manage?section=connections`
          }
        >
          {alert.subject.kind === 'action' ? 'Show the last run' : 'Open its connections'}
        </Anchor>
      )}
    />
  )
}
