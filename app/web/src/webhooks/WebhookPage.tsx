import { Alert, Anchor, Button, Group, Menu, Modal } from '@mantine/core'
import { Badge, ErrorNote, Loading, useIsMounted } from '@tenon/react'
import {
  ArrowLeft,
  EllipsisVertical,
  KeyRound,
  Pencil,
  Power,
  SearchX,
  Send,
  Trash2,
  TriangleAlert,
} from 'lucide-react'
import { useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { Panel } from '../ui/Panel.js'
import { showFailure, showOutcome } from '../ui/showOutcome.js'
import { date } from '../ui/time.js'
import { EventName } from './EventName.js'
import { DeliveryLog } from './DeliveryLog.js'
import { Secret } from './Secret.js'
import { WebhookForm } from './WebhookForm.js'
import { OnlyAdmins } from './WebhooksPage.js'
import classes from './webhooks.module.css'
import {
  useRemoveWebhook,
  useRenewSecret,
  useTestWebhook,
  useUpdateWebhook,
  useWebhooks,
  type Webhook,
} from './webhooks.js'

/** One webhook: what it is told, how that went, and what can be done with it. */
export function WebhookPage() {
  const { id = '' } = useParams()
  const isAdmin = useMay('Admin')
  return isAdmin ? <Found id={Number(id)} /> : <OnlyAdmins />
}

function Found({ id }: { id: number }) {
  const { data, error, refetch } = useWebhooks()
  const webhook = data?.find((candidate) => candidate.id === id)
  if (error && !data) {
    return <FailedState title="The webhook cannot be shown" error={error} onRetry={() => void refetch()} />
  }
  if (!data) return <Loading height={200} />
  return (
    <>
      <Anchor component={Link} to="/settings/webhooks" className={classes.back}>
        <ArrowLeft size={15} aria-hidden /> All webhooks
      </Anchor>
      {webhook ? (
        <Details webhook={webhook} />
      ) : (
        <EmptyState level={1} icon={SearchX} title="Webhook not found" text="It was removed, or never was." />
      )}
    </>
  )
}

function Details({ webhook }: { webhook: Webhook }) {
  const { id, url, description, events, isActive, disabledReason, createdAt } = webhook
  const title = new URL(url).host
  return (
    <>
      <PageHead title={title} text={description || 'A webhook of your organization.'}>
        <Actions webhook={webhook} title={title} />
      </PageHead>
      {!isActive && (
        <Alert className="tn-note" data-tone="warn" icon={<TriangleAlert size={18} />} mb="md">
          It is switched off, and nothing is sent. {disabledReason}
        </Alert>
      )}
      <Panel title="What it is told">
        <dl className={classes.facts}>
          <div>
            <dt>Address</dt>
            <dd>{url}</dd>
          </div>
          <div>
            <dt>Events</dt>
            <dd className={classes.chips}>
              {events.map((name) => (
                <span key={name} className="tn-chip" data-plain>
                  {name === '*' ? 'All events' : <EventName name={name} />}
                </span>
              ))}
            </dd>
          </div>
          <div>
            <dt>State</dt>
            <dd>
              <Badge tone={isActive ? 'good' : 'quiet'}>{isActive ? 'On' : 'Off'}</Badge>
            </dd>
          </div>
          <div>
            <dt>Added</dt>
            <dd>{date(createdAt)}</dd>
          </div>
        </dl>
      </Panel>
      <Panel title="Deliveries" text="What was delivered is kept for 7 days, what failed for 30.">
        <DeliveryLog owner={`webhooks/${id}`} mayReplay />
      </Panel>
    </>
  )
}

type Asked = 'edit' | 'secret' | 'remove'

function Actions({ webhook, title }: { webhook: Webhook; title: string }) {
  const { id, isActive } = webhook
  const [asked, setAsked] = useState<Asked>()
  const navigate = useNavigate()
  const isMounted = useIsMounted()
  const test = useTestWebhook(id)
  const update = useUpdateWebhook(id)
  const tell = (message: string, success: boolean) => showOutcome({ title, message, success })
  const close = () => {
    setAsked(undefined)
    update.reset()
  }
  return (
    <>
      <Button
        leftSection={<Send size={15} />}
        loading={test.isPending}
        onClick={() =>
          test.mutate(undefined, {
            onSuccess: ({ success, status, ms, error }) =>
              tell(success ? `Taken with status ${status} in ${ms} ms` : (error ?? 'It was not taken'), success),
            onError: (error) => showFailure(title, error),
          })
        }
      >
        Send a test
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px={10} aria-label="More">
            <EllipsisVertical size={17} />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Pencil size={15} />} onClick={() => setAsked('edit')}>
            Change…
          </Menu.Item>
          <Menu.Item
            leftSection={<Power size={15} />}
            onClick={() =>
              update.mutate(
                { isActive: !isActive },
                {
                  onSuccess: () => tell(isActive ? 'It is switched off' : 'It is switched on', true),
                  onError: (error) => showFailure(title, error),
                },
              )
            }
          >
            {isActive ? 'Switch off' : 'Switch on'}
          </Menu.Item>
          <Menu.Item leftSection={<KeyRound size={15} />} onClick={() => setAsked('secret')}>
            Replace the secret…
          </Menu.Item>
          <Menu.Item className="tn-danger" leftSection={<Trash2 size={15} />} onClick={() => setAsked('remove')}>
            Delete…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={asked === 'edit'} onClose={close} size="lg" title="Change the webhook" {...closeLabel}>
        <WebhookForm
          webhook={webhook}
          error={update.error}
          saving={update.isPending}
          onCancel={close}
          onSubmit={(values) => update.mutate(values, { onSuccess: close })}
        />
      </Modal>
      <Modal opened={asked === 'secret'} onClose={close} size="lg" title="Replace the secret" {...closeLabel}>
        <RenewSecret id={id} onDone={close} />
      </Modal>
      <Modal opened={asked === 'remove'} onClose={close} title="Delete the webhook" {...closeLabel}>
        <RemoveWebhook
          id={id}
          title={title}
          onCancel={close}
          onRemoved={() => {
            tell('The webhook is deleted', true)
            if (isMounted()) void navigate('/settings/webhooks')
          }}
        />
      </Modal>
    </>
  )
}

const closeLabel = { closeButtonProps: { 'aria-label': 'Close' } }

function RenewSecret({ id, onDone }: { id: number; onDone: () => void }) {
  const renew = useRenewSecret(id)
  if (renew.data) return <Secret secret={renew.data.secret} onDone={onDone} />
  return (
    <div className="tn-dialog">
      {renew.error && <ErrorNote error={renew.error} title="It was not replaced" />}
      <p>What is sent from now on is signed with the new secret. The old one is worth nothing any more.</p>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onDone}>
          Cancel
        </Button>
        <Button loading={renew.isPending} onClick={() => renew.mutate(undefined)}>
          Replace it
        </Button>
      </Group>
    </div>
  )
}

interface RemoveWebhookProps {
  id: number
  title: string
  onCancel: () => void
  onRemoved: () => void
}

function RemoveWebhook({ id, title, onCancel, onRemoved }: RemoveWebhookProps) {
  const remove = useRemoveWebhook(id, onRemoved)
  return (
    <div className="tn-dialog">
      {remove.error && <ErrorNote error={remove.error} title="It was not deleted" />}
      <p>Nothing is sent to {title} any more, and what is still waiting is dropped.</p>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button className="tn-button-danger" loading={remove.isPending} onClick={() => remove.mutate()}>
          Delete it
        </Button>
      </Group>
    </div>
  )
}
