import { Button, Group, Modal, Textarea } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import type { PluginRequest } from './request.repository.js'
import { maxTextLength } from './RequestDialog.js'
import { useDeclineRequest } from './requests.js'

interface DeclineDialogProps {
  /** What is about to be declined; without one the dialog is closed. */
  request: PluginRequest | undefined
  /** Who asked. */
  asker: string
  onClose: () => void
  /** The dialog is out of sight. */
  onGone: () => void
}

/** Declines a request, with a reason if the admin gives one. */
export function DeclineDialog({ request, onGone, ...rest }: DeclineDialogProps) {
  return (
    <Modal
      opened={request !== undefined}
      onClose={rest.onClose}
      onExitTransitionEnd={onGone}
      title={request ? `Decline ${request.plugin}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {request && <Declining key={request.id} request={request} {...rest} />}
    </Modal>
  )
}

function Declining({ request, asker, onClose }: Omit<DeclineDialogProps, 'onGone'> & { request: PluginRequest }) {
  const decline = useDeclineRequest()
  const [reason, setReason] = useState('')
  const run = async () => {
    await decline.mutateAsync({ id: request.id, ...(reason.trim() ? { reason: reason.trim() } : {}) })
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
      <Textarea
        label="Why not?"
        description={`Optional. ${asker} reads it beside the plugin.`}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        maxLength={maxTextLength}
        autosize
        minRows={3}
        maxRows={8}
        data-autofocus
      />
      {decline.error && <ErrorNote error={decline.error} title="It could not be declined" />}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={decline.isPending}>
          Decline
        </Button>
      </Group>
    </form>
  )
}
