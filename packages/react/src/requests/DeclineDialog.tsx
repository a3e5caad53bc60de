import { Modal } from '@mantine/core'
import type { PluginRequest } from './request.repository.js'
import { useDeclineRequest } from './requests.js'
import { WordsForm } from './WordsForm.js'

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
  return (
    <WordsForm
      label="Why not?"
      description={`Optional. ${asker} reads it beside the plugin.`}
      action="Decline"
      busy={decline.isPending}
      error={decline.error}
      failure="It could not be declined"
      onCancel={onClose}
      onSend={async (reason) => {
        await decline.mutateAsync({ id: request.id, ...(reason ? { reason } : {}) })
        onClose()
      }}
    />
  )
}
