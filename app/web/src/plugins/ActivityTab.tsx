import { VisuallyHidden } from '@mantine/core'
import { OrganizationActivity, usePlugins } from '@tenon/react'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { useMemberNames } from '../members/members.js'
import { Panel } from '../ui/Panel.js'

/** Who did what to which plugin. */
export function ActivityTab() {
  const names = useMemberNames()
  const { plugins } = usePlugins()
  const titles = useMemo(() => new Map(plugins.map(({ key, displayName }) => [key, displayName])), [plugins])
  return (
    <>
      <VisuallyHidden component="h2">Activity</VisuallyHidden>
      <Panel title="What was done, and by whom">
        <OrganizationActivity
          nameOf={(id) => names.get(id)}
          pluginOf={(key) =>
            // What is done to them is noted in the same book, under a name that no plugin has.
            key === 'webhooks' ? (
              <Link to="/settings/webhooks">Webhooks</Link>
            ) : (
              <Link to={`/plugins/${key}/manage`}>{titles.get(key) ?? key}</Link>
            )
          }
        />
      </Panel>
    </>
  )
}
