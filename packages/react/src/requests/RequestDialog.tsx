import { Button, Group, Modal, Textarea } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import type { Plugin } from '../plugins/types.js'
import type { PluginRequest } from './request.repository.js'
import { useRequestPlugin } from './requests.js'

export interface RequestDialogProps {
  /** The plugin that is about to be asked for; without one the dialog is closed. */
  plugin: Plugin | undefined
  onClose: () => void
  /** Called after it was asked for. */
  onAsked?: (request: PluginRequest) => void
}

/** As long as the host takes it. */
export const maxTextLength = 500

/**
 * Asks the admins for a plugin, with a note if the person has something to say.
 *
 * @example <RequestDialog plugin={wanted} onClose={() => setWanted(undefined)} />
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
  const [note, setNote] = useState('')
  const run = async () => {
    const request = await ask.mutateAsync({ pluginKey: plugin.key, ...(note.trim() ? { note: note.trim() } : {}) })
    onAsked?.(request)
    onClose()
  }
  return (
    <form
      className="tn-dialog"
      onSubmit={(event) => {
        event.preventDefault()
        // What went wrong is shown below.
        run().catch(() => undefined)
      }}
    >
      <div className="tn-dialog-subject">
        <PluginIcon plugin={plugin} />
        <div>
          <strong>{plugin.displayName}</strong>
          <p className="tn-quiet">{plugin.description}</p>
        </div>
      </div>
      <Textarea
        label="What do you need it for?"
        description="Optional. The admins of your organization read it when they decide."
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
        maxLength={maxTextLength}
        autosize
        minRows={3}
        maxRows={8}
        data-autofocus
      />
      {ask.error && <ErrorNote error={ask.error} title="It could not be asked for" />}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={ask.isPending}>
          Ask for it
        </Button>
      </Group>
    </form>
  )
}
