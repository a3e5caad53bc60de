import { Button, Progress } from '@mantine/core'
import { CircleStop } from 'lucide-react'
import { useEffect, useState } from 'react'
import { RequestId } from '../api/RequestId.js'
import { percentDone, timeLeft, wordsOfProgress, wordsOfTimeLeft } from './progress.js'
import type { Run } from './run.repository.js'
import { isRunOver } from './runCache.js'
import { useCancelRun } from './runs.js'

export interface RunProgressProps {
  run: Run
  /** Whether the person may stop it. */
  mayCancel?: boolean | undefined
}

/**
 * How far a run is: a bar, counts, how long it still takes, and a way to stop it. Nothing when it is over.
 *
 * @example <RunProgress run={run} mayCancel={may('Editor')} />
 * @since 0.1.0
 */
export function RunProgress({ run, mayCancel = false }: RunProgressProps) {
  const cancel = useCancelRun()
  const now = useNow(run.state === 'running')
  if (isRunOver(run)) return null
  const percent = percentDone(run)
  const left = timeLeft(run, now)
  const words = wordsOfProgress(run)
  const isRunning = run.state === 'running'
  return (
    <div className="tn-progress">
      <Progress.Root size="md" className="tn-progress-bar">
        <Progress.Section
          value={percent ?? (isRunning ? 100 : 0)}
          animated={isRunning && percent === undefined}
          striped={isRunning && percent === undefined}
          withAria={false}
          {...ariaOf(run, percent)}
        />
      </Progress.Root>
      <div className="tn-progress-words">
        <span className="tn-progress-count">{words}</span>
        {left === undefined ? null : <span className="tn-quiet">{wordsOfTimeLeft(left)}</span>}
        {mayCancel && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="gray"
            leftSection={<CircleStop size={13} />}
            aria-label={`Cancel ${run.title}`}
            loading={cancel.isPending || run.cancelling}
            onClick={() => cancel.mutate(run.id)}
          >
            Cancel
          </Button>
        )}
      </div>
      {run.state === 'queued' && run.error ? <p className="tn-quiet">{run.error.message}</p> : null}
      {cancel.error ? (
        <p className="tn-danger" role="alert">
          {cancel.error.message}
          <RequestId error={cancel.error} />
        </p>
      ) : null}
    </div>
  )
}

function ariaOf(run: Run, percent: number | undefined) {
  return {
    role: 'progressbar',
    'aria-label': run.title,
    'aria-valuetext': wordsOfProgress(run),
    ...(percent === undefined
      ? {}
      : { 'aria-valuenow': Math.round(percent), 'aria-valuemin': 0, 'aria-valuemax': 100 }),
  }
}

/** The time, once a second, for what is counted down. */
export function useNow(isWanted: boolean): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (!isWanted) return undefined
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [isWanted])
  return now
}
