import { useMounted } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { InstallDialog, type Plugin, RequestDialog, UninstallDialog } from '@tenon/react'

interface PluginDialogsProps {
  installing: Plugin | undefined
  leaving: Plugin | undefined
  asking: Plugin | undefined
  onClose: () => void
  onContinue: (plugin: Plugin) => void
}

/** What asks before a plugin is installed, asked for, or leaves. Loaded when it is needed first: a list is mostly looked at. */
export function PluginDialogs({ installing, leaving, asking, onClose, onContinue }: PluginDialogsProps) {
  // A dialog remembers where the focus was when it opens, not when it is drawn first: so it is drawn closed once.
  const mounted = useMounted()
  return (
    <>
      <InstallDialog plugin={mounted ? installing : undefined} onClose={onClose} onContinue={onContinue} />
      <RequestDialog
        plugin={mounted ? asking : undefined}
        onClose={onClose}
        onAsked={({ plugin }) => notifications.show({ message: `The admins see that you asked for ${plugin}` })}
      />
      <UninstallDialog
        plugin={mounted ? leaving : undefined}
        onClose={onClose}
        onDone={(choice) =>
          notifications.show({ message: choice === 'disable' ? 'Plugin disabled' : 'Plugin uninstalled successfully' })
        }
      />
    </>
  )
}
