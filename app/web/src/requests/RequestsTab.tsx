import { Anchor, VisuallyHidden } from '@mantine/core'
import { OwnPluginRequests, type PluginRequest, PluginRequests } from '@tenon/react'
import { Link, useNavigate } from 'react-router'
import { whereToBegin } from '../management/whereToBegin.js'
import { useMemberNames } from '../members/members.js'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { Panel } from '../ui/Panel.js'
import { useMayAsk } from './useMayAsk.js'

/** Who asked for which plugin, for admins; for those who ask, what they asked for. */
export function RequestsTab() {
  const names = useMemberNames()
  const navigate = useNavigate()
  const isAdmin = useMay('Admin')
  const mayAsk = useMayAsk()
  if (mayAsk) return <OwnRequests />
  if (!isAdmin) {
    return (
      <EmptyState
        title="Editors ask, admins answer"
        text="You see here what your organization works with, but you do not ask for plugins."
      />
    )
  }
  return (
    <>
      <VisuallyHidden component="h2">Requests</VisuallyHidden>
      <Panel title="What people asked for" text="An installation answers everybody who asked for the plugin.">
        <PluginRequests
          nameOf={(id) => names.get(id)}
          pluginOf={linkTo}
          onContinue={(plugin) => void navigate(whereToBegin(plugin))}
        />
      </Panel>
    </>
  )
}

function OwnRequests() {
  return (
    <>
      <VisuallyHidden component="h2">Requests</VisuallyHidden>
      <Panel title="What you asked for" text="It goes from here once it is installed.">
        <OwnPluginRequests pluginOf={linkTo} />
      </Panel>
    </>
  )
}

function linkTo({ pluginKey, plugin }: PluginRequest) {
  return (
    <Anchor component={Link} to={`/plugins/${pluginKey}/manage`} inherit>
      {plugin}
    </Anchor>
  )
}
