import { Pagination, Select, Table } from '@mantine/core'
import { Badge, ErrorNote, Loading, ReasonedButton, type Tone } from '@tenon/react'
import { RotateCcw } from 'lucide-react'
import { useState } from 'react'
import tableClasses from '../ui/Table.module.css'
import { showFailure, showOutcome } from '../ui/showOutcome.js'
import { ago } from '../ui/time.js'
import { EventName } from './EventName.js'
import classes from './webhooks.module.css'
import {
  type Attempt,
  type Delivery,
  deliveryPageSize,
  type DeliveryState,
  useDeliveries,
  useReplay,
} from './webhooks.js'

const states: Record<DeliveryState, { label: string; tone: Tone }> = {
  delivered: { label: 'Delivered', tone: 'good' },
  waiting: { label: 'Waiting', tone: 'busy' },
  failed: { label: 'Failed', tone: 'bad' },
}

interface DeliveryLogProps {
  /** Its path below `/plugins`, such as `webhooks/3`. */
  owner: string
  /** Whether the person may send again. */
  mayReplay: boolean
}

/** The events that went to a webhook or a plugin, the newest first, each with what came of it. */
export function DeliveryLog({ owner, mayReplay }: DeliveryLogProps) {
  const [page, setPage] = useState(1)
  const [state, setState] = useState<DeliveryState>()
  const { data, error, isPending, refetch } = useDeliveries(owner, page, state)
  if (error && !data)
    return <ErrorNote error={error} title="The deliveries cannot be shown" onRetry={() => void refetch()} />
  if (isPending) return <Loading height={120} />
  const pages = Math.ceil((data?.total ?? 0) / deliveryPageSize)
  return (
    <>
      <div className={classes.filter}>
        <Select
          size="sm"
          w={170}
          aria-label="Show deliveries"
          allowDeselect={false}
          data={[
            { value: '', label: 'All deliveries' },
            ...Object.entries(states).map(([value, { label }]) => ({ value, label })),
          ]}
          value={state ?? ''}
          onChange={(next) => {
            setState((next || undefined) as DeliveryState | undefined)
            setPage(1)
          }}
        />
      </div>
      {data?.items.length === 0 ? (
        <p className="tn-view-empty">
          {state === undefined ? 'Nothing was sent yet. It begins with the next event.' : 'There are none of these.'}
        </p>
      ) : (
        <Table.ScrollContainer minWidth={620} className="tn-table-frame" scrollAreaProps={{ type: 'auto' }}>
          <Table className="tn-table" verticalSpacing="sm">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Event</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>Attempts</Table.Th>
                {mayReplay && <Table.Th>Again</Table.Th>}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {data?.items.map((delivery) => (
                <DeliveryRow key={delivery.eventId} owner={owner} delivery={delivery} mayReplay={mayReplay} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {pages > 1 && (
        <div className={tableClasses.foot}>
          <span className={tableClasses.quiet}>{data?.total.toLocaleString('en')} deliveries</span>
          <Pagination
            total={pages}
            value={page}
            onChange={setPage}
            size="sm"
            getControlProps={(control) => ({ 'aria-label': `${control} page` })}
          />
        </div>
      )}
    </>
  )
}

function DeliveryRow({ owner, delivery, mayReplay }: DeliveryLogProps & { delivery: Delivery }) {
  const replay = useReplay(owner)
  const { eventId, name, source, occurredAt, state, attempts, nextAttemptAt, lastError, log = [] } = delivery
  const { label, tone } = states[state]
  return (
    <Table.Tr>
      <Table.Td>
        <span className={tableClasses.strong}>
          <EventName name={name} />
        </span>
        <p className={tableClasses.quiet} title={`${occurredAt} · ${eventId}`}>
          {ago(occurredAt)}
          {source === 'app' || source === 'host' ? '' : ` by ${source}`}
        </p>
      </Table.Td>
      <Table.Td>
        <Badge tone={tone}>{label}</Badge>
        {state === 'waiting' && nextAttemptAt ? <p className={tableClasses.quiet}>Next {ago(nextAttemptAt)}</p> : null}
      </Table.Td>
      <Table.Td>
        {log.length > 0 ? <AttemptList log={log} /> : attempts === 0 ? 'None yet' : attempts}
        {log.length === 0 && lastError ? <p className={tableClasses.quiet}>{lastError}</p> : null}
      </Table.Td>
      {mayReplay && (
        <Table.Td>
          <ReasonedButton
            size="xs"
            variant="default"
            leftSection={<RotateCcw size={13} />}
            loading={replay.isPending}
            reason={state === 'waiting' ? 'It waits for its turn, and is sent by itself.' : undefined}
            onClick={() =>
              replay.mutate(eventId, {
                onSuccess: () => showOutcome({ title: name, message: 'It is sent once more', success: true }),
                onError: (error) => showFailure(name, error),
              })
            }
          >
            Send again
          </ReasonedButton>
        </Table.Td>
      )}
    </Table.Tr>
  )
}

function AttemptList({ log }: { log: readonly Attempt[] }) {
  return (
    <ol className={classes.attempts}>
      {log.map(({ at, status, ms, error }) => (
        <li key={at}>
          <strong>{status ?? 'No answer'}</strong>{' '}
          <span className={tableClasses.quiet} title={at}>
            {ago(at)}, {ms.toLocaleString('en')} ms
          </span>
          {error ? <p className={tableClasses.quiet}>{error}</p> : null}
        </li>
      ))}
    </ol>
  )
}
