import { Alert, Button, Group, Loader, Modal } from '@mantine/core'
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import type { ApiError } from '../api/ApiError.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { usePluginInstallation } from '../plugins/usePluginInstallation.js'
import { PermissionList } from './PermissionList.js'

export interface InstallDialogProps {
  /** The plugin that is about to be installed; without one the dialog is closed. */
  plugin: Plugin | undefined
  onClose: () => void
  onInstalled?: (installation: PluginInstallation) => void
  /** Called by the button that follows a successful installation. */
  onContinue?: (plugin: Plugin) => void
}

/**
 * Asks whether a plugin may do what it asks for, installs it, and says how that went.
 *
 * @example <InstallDialog plugin={chosen} onClose={() => setChosen(undefined)} />
 * @since 0.1.0
 */
export function InstallDialog({ plugin, ...rest }: InstallDialogProps) {
  return (
    <Modal
      opened={plugin !== undefined}
      onClose={rest.onClose}
      size="lg"
      title={plugin ? `Install ${plugin.displayName}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {plugin && <Installing key={plugin.key} plugin={plugin} {...rest} />}
    </Modal>
  )
}

function Installing({ plugin, onClose, onInstalled, onContinue }: InstallDialogProps & { plugin: Plugin }) {
  const { install, isInstalling } = usePluginInstallation()
  const [error, setError] = useState<ApiError>()
  const [done, setDone] = useState(false)
  const busy = isInstalling(plugin.key)

  const run = async () => {
    setError(undefined)
    try {
      const installation = await install(plugin.key)
      setDone(true)
      onInstalled?.(installation)
    } catch (failure) {
      setError(failure as ApiError)
    }
  }

  if (done) return <Installed plugin={plugin} onClose={onClose} onContinue={onContinue} />
  return (
    <div className="tn-dialog">
      <div className="tn-dialog-subject">
        <PluginIcon plugin={plugin} />
        <div>
          <strong>{plugin.displayName}</strong>
          <p className="tn-quiet">
            Version {plugin.version} · {plugin.author ?? 'Unknown publisher'}
          </p>
        </div>
      </div>
      <section aria-label="Permissions">
        <h3 className="tn-dialog-question">It will be able to</h3>
        <PermissionList plugin={plugin} />
        <p className="tn-quiet">
          It can do nothing else. It runs in a process of its own, sees only your organization, and can be removed at
          any time.
        </p>
      </section>
      {busy && <Progress />}
      {error && (
        <ErrorNote error={error} title="It could not be installed">
          Nothing of it was kept. You can try again.
        </ErrorNote>
      )}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          {busy ? 'Go on in the background' : 'Cancel'}
        </Button>
        <Button onClick={() => void run()} loading={busy} data-autofocus>
          {error ? 'Try again' : 'Allow and install'}
        </Button>
      </Group>
    </div>
  )
}

function Progress() {
  return (
    <Alert className="tn-note" icon={<Loader size={16} />} role="status">
      Fetching the code, verifying it, preparing its place in the database, starting it. This takes a few seconds.
    </Alert>
  )
}

function Installed({
  plugin,
  onClose,
  onContinue,
}: Pick<InstallDialogProps, 'onClose' | 'onContinue'> & { plugin: Plugin }) {
  return (
    <div className="tn-dialog">
      <Alert className="tn-note" data-tone="good" icon={<CircleCheck size={18} />} role="status">
        <strong>{plugin.displayName} is installed.</strong>{' '}
        {plugin.requiresConfiguration ? 'Tell it next what to work with.' : 'It is ready to be used.'}
      </Alert>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        {onContinue && (
          <Button onClick={() => onContinue(plugin)} data-autofocus>
            {plugin.requiresConfiguration ? 'Configure it' : 'Open it'}
          </Button>
        )}
      </Group>
    </div>
  )
}

/** Why a plugin cannot be installed here, for its page. */
export function NotInstallable({ plugin }: { plugin: Plugin }) {
  if (plugin.installable !== false) return null
  return (
    <Alert className="tn-note" data-tone="warn" icon={<TriangleAlert size={18} />} title="It cannot be installed here">
      It {(plugin.refusals ?? []).join('; ') || 'asks for more than is allowed here'}.
    </Alert>
  )
}
