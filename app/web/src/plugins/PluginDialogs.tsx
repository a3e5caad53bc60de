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
  return (
    <>
      <InstallDialog plugin={installing} onClose={onClose} onContinue={onContinue} />
      <UninstallDialog
        plugin={leaving}
        onClose={onClose}
        onDone={(choice) =>
          notifications.show({ message: choice === 'disable' ? 'Plugin disabled' : 'Plugin uninstalled successfully' })
        }
      />
    </>
  )
}
