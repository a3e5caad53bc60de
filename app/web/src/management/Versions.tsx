import { notifications } from '@mantine/notifications'
import { type Plugin, type PluginInstallation, PluginVersions, UpdateDialog } from '@tenon/react'
import { useEffect, useState } from 'react'
import { useSearchParams } from 'react-router'
import { useMay } from '../session/session.js'
import { Panel } from '../ui/Panel.js'

/** Which version runs, and the ways to another; `?update=1` asks for the update at once. */
export function Versions({ plugin, installation }: { plugin: Plugin; installation: PluginInstallation }) {
  const isAdmin = useMay('Admin')
  const [parameters, setParameters] = useSearchParams()
  const works = installation.status === 'installed'
  const isAsked = isAdmin && parameters.has('update')
  const isOffered = works && Boolean(installation.updateAvailable)
  // Once it is open it stays, also when there is nothing to update any more because it was done.
  const [isOpen, setOpen] = useState(isAsked && isOffered)
  if (isOpen !== (isAsked && (isOpen || isOffered))) setOpen(!isOpen)
  const show = (asked: boolean) => {
    const next = new URLSearchParams(parameters)
    if (asked) next.set('update', '1')
    else next.delete('update')
    setParameters(next, { replace: true, preventScrollReset: true })
  }
  useEffect(() => {
    if (isAsked && !isOpen && !isOffered) show(false)
  }, [isAsked, isOpen, isOffered])
  return (
    <Panel title="Versions" text="A plugin is never replaced by itself: an admin decides, and can go back.">
      <PluginVersions
        installation={installation}
        plugin={plugin}
        mayChange={isAdmin && works}
        {...(isAdmin && works ? { onUpdate: () => show(true) } : {})}
        onRolledBack={({ version }) =>
          notifications.show({ message: `${plugin.displayName} is at version ${version} again` })
        }
      />
      <UpdateDialog subject={isOpen ? { plugin, installation } : undefined} onClose={() => show(false)} />
    </Panel>
  )
}
