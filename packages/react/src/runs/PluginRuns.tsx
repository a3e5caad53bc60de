import { Button, Select, Skeleton, UnstyledButton } from '@mantine/core'
import { ChevronRight, RotateCcw } from 'lucide-react'
import { useEffect, useId, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { RequestId } from '../api/RequestId.js'
import { Badge, type Tone } from '../plugins/StatusBadge.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { isMissing } from '../records/records.js'
import { durationOf, sentenceOfOutcome, wordOfState, wordsOfCounts, wordsOfTime } from './progress.js'
import type { Run, RunState } from './run.repository.js'
import { isRunOver } from './runCache.js'
import { RunErrorNote } from './RunErrorNote.js'
import { RunProgress, useNow } from './RunProgress.js'
import { runsOnPage, usePluginRuns, useRetryRun, useRun } from './runs.js'
import { useRunShown, watchRun } from './watchedRuns.js'

type Role = 'Admin' | 'Editor' | 'Reviewer' | 'Auditor'

export interface PluginRunsProps {
  plugin: Plugin
  installation: PluginInstallation
  /** Whether the person has at least this role. */
  may: (role: Role) => boolean
  /** How people are called. */
  nameOf?: ((userId: number) => string | undefined) | undefined
  /** The run that is shown in full; with `onSelect` the application keeps it in the address. */
  selected?: string | undefined
  onSelect?: ((runId: string | undefined) => void) | undefined
}

/**
 * What a plugin did and does: each run with its state, who or what began it, what it counted, how long it took, why it
 * failed and what to do about that. Runs that are under way move by themselves and can be stopped.
 *
 * @example
 * const [runId, setRunId] = useState<string>()
 * return <PluginRuns plugin={plugin} installation={installation} may={may} selected={runId} onSelect={setRunId} />
 * @since 0.1.0
 */
export function PluginRuns(props: PluginRunsProps) {
  const { installation, selected, onSelect } = props
  const [page, setPage] = useState(1)
  const [state, setState] = useState<RunState>()
  const [own, setOwn] = useState<string>()
  const runs = usePluginRuns(installation.id, { page, state })
  if (isMissing(runs.error)) return null
  if (runs.error && !runs.data)
    return <ErrorNote error={runs.error} title="The runs cannot be shown" onRetry={() => void runs.refetch()} />
  if (!runs.data) return <ListSkeleton />
  const { items, total } = runs.data
  const chosen = onSelect ? selected : own
  const choose = (id: string) => (onSelect ?? setOwn)(id === chosen ? undefined : id)
  const rest = { ...props, chosen, choose }
  return (
    <div className="tn-runs">
      {chosen !== undefined && !items.some(({ id }) => id === chosen) && <OpenedRun id={chosen} {...rest} />}
      {total === 0 && state === undefined ? (
        <p className="tn-view-empty">
          Nothing has run yet. Syncs, imports and actions of this plugin appear here while they work, and for 30 days
          after that.
        </p>
      ) : (
        <>
          <StateFilter
            state={state}
            onChange={(next) => {
              setState(next)
              setPage(1)
            }}
          />
          {items.length === 0 && <p className="tn-view-empty">No run is in this state.</p>}
          <ol className="tn-run-list" aria-label="Runs" aria-busy={runs.isPlaceholderData || undefined}>
            {items.map((run) => (
              <li key={run.id}>
                <RunEntry run={run} {...rest} />
              </li>
            ))}
          </ol>
          <Pager page={page} total={total} onPage={setPage} />
        </>
      )}
    </div>
  )
}

const filterable: RunState[] = ['running', 'queued', 'succeeded', 'failed', 'cancelled']
const filterWords: Record<RunState, string> = {
  running: 'Running',
  queued: 'Waiting',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

function StateFilter({ state, onChange }: { state?: RunState; onChange: (state?: RunState) => void }) {
  return (
    <Select
      size="xs"
      w={150}
      aria-label="Show runs that are"
      allowDeselect={false}
      value={state ?? 'all'}
      data={[{ value: 'all', label: 'All runs' }, ...filterable.map((value) => ({ value, label: filterWords[value] }))]}
      onChange={(value) => onChange(filterable.find((one) => one === value))}
    />
  )
}

function Pager({ page, total, onPage }: { page: number; total: number; onPage: (page: number) => void }) {
  if (total <= runsOnPage) return null
  const from = (page - 1) * runsOnPage + 1
  return (
    <div className="tn-pager">
      <span className="tn-quiet" role="status">
        {from.toLocaleString('en')} to {Math.min(page * runsOnPage, total).toLocaleString('en')} of{' '}
        {total.toLocaleString('en')}
      </span>
      <Button size="xs" variant="default" disabled={page === 1} onClick={() => onPage(page - 1)}>
        Newer
      </Button>
      <Button size="xs" variant="default" disabled={page * runsOnPage >= total} onClick={() => onPage(page + 1)}>
        Older
      </Button>
    </div>
  )
}

interface ChoiceProps extends PluginRunsProps {
  chosen: string | undefined
  choose: (id: string) => void
}

/** A run that an address names and that is not on this page of the list. */
function OpenedRun({ id, ...rest }: ChoiceProps & { id: string }) {
  const run = useRun(id)
  if (run.error && !run.data) {
    return (
      <ErrorNote
        error={run.error}
        title="The run that was asked for cannot be shown"
        onRetry={() => void run.refetch()}
      />
    )
  }
  if (!run.data) return <Loading height={72} />
  return (
    <div className="tn-run-list">
      <RunEntry run={run.data} {...rest} />
    </div>
  )
}

const tones: Record<RunState, Tone> = {
  queued: 'note',
  running: 'busy',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'quiet',
}

function RunEntry({ run, chosen, choose, ...props }: ChoiceProps & { run: Run }) {
  const isChosen = run.id === chosen
  const isOver = isRunOver(run)
  const details = useId()
  useRunShown(run.id)
  useEffect(() => {
    // Who looks at a run that is under way wants to hear of its end.
    if (isChosen && !isOver) watchRun(run.id)
  }, [isChosen, isOver, run.id])
  return (
    <article className="tn-run" data-chosen={isChosen || undefined} aria-label={run.title}>
      <UnstyledButton
        className="tn-run-head"
        aria-expanded={isChosen}
        aria-controls={details}
        onClick={() => choose(run.id)}
      >
        <ChevronRight size={15} className="tn-run-sign" aria-hidden />
        <span className="tn-run-title">{run.title}</span>
        <Badge tone={tones[run.state]}>{wordOfState(run)}</Badge>
        <Origin run={run} nameOf={props.nameOf} />
      </UnstyledButton>
      <div className="tn-run-body">
        <RunProgress run={run} mayCancel={mayCancel(run, props.may)} />
        {isOver && <Outcome run={run} />}
        {isOver && run.state !== 'succeeded' && <Again run={run} {...props} />}
        <div id={details} hidden={!isChosen}>
          {isChosen && <Details run={run} />}
        </div>
      </div>
    </article>
  )
}

export function mayCancel({ kind }: Run, may: (role: Role) => boolean): boolean {
  return may(kind === 'install' ? 'Admin' : 'Editor')
}

function Origin({ run, nameOf }: { run: Run; nameOf?: (userId: number) => string | undefined }) {
  const now = useNow(run.state === 'running')
  const took = durationOf(run, now)
  return (
    <span className="tn-run-origin">
      {whoBegan(run, nameOf)} · {momentOf(run.createdAt)}
      {took === undefined ? '' : ` · ${run.finishedAt === null ? 'for' : 'took'} ${wordsOfTime(took)}`}
    </span>
  )
}

function whoBegan({ trigger, requestedBy }: Run, nameOf?: (userId: number) => string | undefined): string {
  if (trigger === 'schedule') return 'By its schedule'
  return requestedBy === null ? 'By the platform' : `By ${nameOf?.(requestedBy) ?? `member ${requestedBy}`}`
}

function Outcome({ run }: { run: Run }) {
  if (run.state === 'failed' && run.error) return <RunErrorNote error={run.error} />
  const counts = wordsOfCounts(run)
  const sentence = sentenceOfOutcome(run)
  return (
    <>
      <p>{sentence}</p>
      {counts.length > 0 && sentence !== counts.join(', ') && (
        <ul className="tn-chips">
          {counts.map((text) => (
            <li key={text} className="tn-chip" data-plain>
              {text}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Again({ run, plugin, installation, may, onSelect }: PluginRunsProps & { run: Run }) {
  const retry = useRetryRun()
  if (installation.status !== 'installed' || run.kind === 'install') return null
  if (!may(roleFor(run, plugin))) return null
  if (!run.restartable) {
    return run.kind === 'import' ? (
      <p className="tn-quiet">
        To repeat this import, choose its file again: it is no longer kept, or was started again.
      </p>
    ) : null
  }
  const words = run.kind === 'import' || wasInterrupted(run) ? 'Start again' : 'Try again'
  return (
    <div>
      <Button
        size="xs"
        variant="default"
        leftSection={<RotateCcw size={13} />}
        loading={retry.isPending}
        aria-label={`${words}: ${run.title}`}
        onClick={() => retry.mutate(run.id, { onSuccess: ({ id }) => onSelect?.(id) })}
      >
        {words}
      </Button>
      {run.kind === 'import' && <p className="tn-quiet">With the same file and choices; it is kept for a day.</p>}
      {retry.error ? (
        <p className="tn-danger" role="alert">
          {retry.error.message}
          <RequestId error={retry.error} />
        </p>
      ) : null}
    </div>
  )
}

/** Its server died, and nothing says that it may be called again by itself. */
function wasInterrupted({ error }: Run): boolean {
  return error?.code === 'RUN_INTERRUPTED' || error?.code === 'RUN_STOPS_SERVERS'
}

function roleFor(run: Run, { contributes }: Plugin): Role {
  return contributes?.actions.find(({ id }) => id === run.action)?.role ?? 'Editor'
}

function Details({ run }: { run: Run }) {
  const facts: [name: string, value: string][] = [
    ['Asked for', momentOf(run.createdAt)],
    ['Began', momentOf(run.startedAt)],
    ['Ended', momentOf(run.finishedAt)],
    ['Attempts', String(run.attempts)],
    ...(run.step === null ? [] : [['Last step', run.step] as [string, string]]),
    ...Object.entries(run.counts).map(([name, count]): [string, string] => [name, count.toLocaleString('en')]),
    ...(run.error ? [['Error', run.error.code] as [string, string]] : []),
    ['Run', run.id],
  ]
  return (
    <dl className="tn-pairs">
      {facts
        .filter(([, value]) => value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

function ListSkeleton() {
  return (
    <div className="tn-runs" role="status" aria-busy aria-label="Loading">
      {[0, 1, 2].map((index) => (
        <Skeleton key={index} height={72} radius="md" />
      ))}
    </div>
  )
}
