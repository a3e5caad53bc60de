import { Anchor, Button, Modal, Table } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Badge, Loading } from '@tenon/react'
import { ArrowLeft, Lock, Plus, Webhook as WebhookSign } from 'lucide-react'
import { useRef, useState } from 'react'
import { Link } from 'react-router'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import tableClasses from '../ui/Table.module.css'
import { Secret } from './Secret.js'
import { WebhookForm } from './WebhookForm.js'
import classes from './webhooks.module.css'
import {
  titleOfEvent,
  useCreateWebhook,
  useEventTitles,
  useWebhooks,
  type Webhook,
  type WebhookValues,
} from './webhooks.js'

/** Addresses that an organization has told of its events. */
export function WebhooksPage() {
  const isAdmin = useMay('Admin')
  return isAdmin ? <Webhooks /> : <OnlyAdmins />
}

export function OnlyAdmins() {
  return (
    <EmptyState
      level={1}
      icon={Lock}
      title="Only admins see the webhooks"
      text="Ask an admin of your organization to add one."
    />
  )
}

function Webhooks() {
  const [adding, add] = useDisclosure(false)
  const { data, error, refetch } = useWebhooks()
  return (
    <>
      <Anchor component={Link} to="/settings" className={classes.back}>
        <ArrowLeft size={15} aria-hidden /> Settings
      </Anchor>
      <PageHead title="Webhooks" text="Tell programs of your own what happens here: signed, in order, at least once.">
        <Button leftSection={<Plus size={15} />} onClick={add.open}>
          Add a webhook
        </Button>
      </PageHead>
      {error && !data ? (
        <FailedState title="The webhooks cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : !data ? (
        <Loading height={140} />
      ) : data.length === 0 ? (
        <EmptyState
          icon={WebhookSign}
          title="No webhooks yet"
          text="Add the address of a program, and choose the events that it is told of."
        />
      ) : (
        <WebhookTable webhooks={data} />
      )}
      <AddWebhook opened={adding} onClose={add.close} />
    </>
  )
}

function WebhookTable({ webhooks }: { webhooks: readonly Webhook[] }) {
  const titles = useEventTitles()
  return (
    <div className={tableClasses.frame}>
      <Table.ScrollContainer minWidth={560} scrollAreaProps={{ type: 'auto' }}>
        <Table className="tn-table" verticalSpacing="sm" horizontalSpacing="md">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Address</Table.Th>
              <Table.Th>Events</Table.Th>
              <Table.Th>State</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {webhooks.map(({ id, url, description, events, isActive }) => (
              <Table.Tr key={id}>
                <Table.Td>
                  <Link to={`/settings/webhooks/${id}`} className={classes.address}>
                    {url}
                  </Link>
                  {description ? <p className={tableClasses.quiet}>{description}</p> : null}
                </Table.Td>
                <Table.Td>
                  {events.includes('*') ? 'All' : events.map((name) => titleOfEvent(name, titles)).join('; ')}
                </Table.Td>
                <Table.Td>
                  <Badge tone={isActive ? 'good' : 'quiet'}>{isActive ? 'On' : 'Off'}</Badge>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </div>
  )
}

function AddWebhook({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const create = useCreateWebhook()
  const [secret, setSecret] = useState<string>()
  const isUnderWay = useRef(false)
  const add = (values: WebhookValues) => {
    isUnderWay.current = true
    create.mutate(values, {
      onSuccess: (made) => setSecret(made.secret),
      onSettled: () => {
        isUnderWay.current = false
      },
    })
  }
  const close = () => {
    setSecret(undefined)
    // What is under way ends, also what began too lately to be drawn: its secret is shown then, since it is shown only once.
    if (!isUnderWay.current) create.reset()
    onClose()
  }
  return (
    <Modal
      opened={opened || secret !== undefined}
      onClose={close}
      size="lg"
      title={secret === undefined ? 'Add a webhook' : 'The secret of the webhook'}
      closeButtonProps={{ 'aria-label': 'Close' }}
      closeOnClickOutside={secret === undefined}
    >
      {secret === undefined ? (
        <WebhookForm error={create.error} saving={create.isPending} onCancel={close} onSubmit={add} />
      ) : (
        <Secret secret={secret} onDone={close} />
      )}
    </Modal>
  )
}
