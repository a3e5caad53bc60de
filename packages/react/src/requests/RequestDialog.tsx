import { Modal } from '@mantine/core'
import { PluginIcon } from '../plugins/PluginIcon.js'
import type { Plugin } from '../plugins/types.js'
import type { PluginRequest } from './request.repository.js'
import { useRequestPlugin } from './requests.js'
import { WordsForm } from './WordsForm.js'

export interface RequestDialogProps {
  /** The plugin that is about to be asked for; without one the dialog is closed. */
  plugin: Plugin | undefined
  onClose: () => void
  /** Called after it was asked for. */
  onAsked?: ((request: PluginRequest) => void) | undefined
}

/**
 * Asks the admins for a plugin, with a note if the person has something to say.
 *
 * @example
 * const [wanted, setWanted] = useState<Plugin>()
 * return (
 *   <>
 *     <PluginCard plugin={plugin} onRequest={setWanted} />
 *     <RequestDialog plugin={wanted} onClose={() => setWanted(undefined)} />
 *   </>
 * )
 * @since 0.1.0
 */
export function RequestDialog({ plugin, ...rest }: RequestDialogProps) {
  return (
    <Modal
      opened={plugin !== undefined}
      onClose={rest.onClose}
      title={plugin ? `Ask for ${plugin.displayName}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {plugin && <Asking key={plugin.key} plugin={plugin} {...rest} />}
    </Modal>
  )
}

function Asking({ plugin, onClose, onAsked }: RequestDialogProps & { plugin: Plugin }) {
  const ask = useRequestPlugin()
  return (
    <WordsForm
      label="What do you need it for?"
      description="Optional. The admins of your organization read it when they decide."
      action="Ask for it"
      busy={ask.isPending}
      error={ask.error}
      failure="It could not be asked for"
      onCancel={onClose}
      onSend={async (note) => {
        const request = await ask.mutateAsync({ pluginKey: plugin.key, ...(note ? { note } : {}) })
        onAsked?.(request)
        onClose()
      }}
    >
      <div className="tn-dialog-subject">
        <PluginIcon plugin={plugin} />
        <div>
          <strong>{plugin.displayName}</strong>
          <p className="tn-quiet">{plugin.description}</p>
        </div>
      </div>
    </WordsForm>
  )
}
