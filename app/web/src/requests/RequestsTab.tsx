import { Anchor, VisuallyHidden } from '@mantine/core'
import { PluginRequests } from '@tenon/react'
import { Link, useNavigate } from 'react-router'
import { useMemberNames } from '../members/members.js'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { Panel } from '../ui/Panel.js'

/** For admins: who asked for which plugin. */
export function RequestsTab() {
  const names = useMemberNames()
  const navigate = useNavigate()
  const isAdmin = useMay('Admin')
  if (!isAdmin) {
    return (
      <EmptyState
        title="Admins answer requests"
        text="What you asked for yourself stands on the cards of the marketplace."
      />
    )
  }
  return (
    <>
      <VisuallyHidden component="h2">Requests</VisuallyHidden>
      <Panel title="What people asked for" text="An installation answers everybody who asked for the plugin.">
        <PluginRequests
          nameOf={(id) => names.get(id)}
          pluginOf={({ pluginKey, plugin }) => (
            <Anchor component={Link} to={`/plugins/${pluginKey}/manage`} inherit>
              {plugin}
            </Anchor>
          )}
          onContinue={({ key }) => void navigate(`/plugins/${key}/manage`)}
        />
      </Panel>
    </>
  )
}
