import { useMounted } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { InstallDialog, type Plugin, UninstallDialog } from '@tenon/react'

interface PluginDialogsProps {
  installing: Plugin | undefined
  leaving: Plugin | undefined
  onClose: () => void
  onContinue: (plugin: Plugin) => void
}

/** What asks before a plugin is installed or leaves. Loaded when it is needed first: a list is mostly looked at. */
export function PluginDialogs({ installing, leaving, onClose, onContinue }: PluginDialogsProps) {
  // A dialog remembers where the focus was when it opens, not when it is drawn first: so it is drawn closed once.
  const mounted = useMounted()
  return (
    <>
      <InstallDialog plugin={mounted ? installing : undefined} onClose={onClose} onContinue={onContinue} />
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
