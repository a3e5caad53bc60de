import { TenonError } from '@tenon/contract'
import type { Run, RunProgress } from './run.js'
import type { RunClaim, RunStore } from './run-store.js'

/** A run that this server works on. */
export interface ActiveRun {
  run: Run
  /** Aborted when somebody cancels the run, when its claim is lost, or when the server stops. */
  signal: AbortSignal
  step(name: string): void
  progress(progress: RunProgress): void
}

/** Why the work was told to stop; undefined while it was not. */
export type StopCause = 'cancelled' | 'lost' | 'stopping'

export interface Lease extends ActiveRun {
  claim: RunClaim
  stop(cause: StopCause): void
  stopCause(): StopCause | undefined
  /** Writes what is left to write of the progress. The claim lives on, until the end is written. */
  flush(): Promise<void>
  /** Nothing is renewed from then on. */
  release(): void
}

const heartbeatsPerClaim = 4
/** Part of a claim that is left for the work to come to an end, before another server may begin it. */
const graceOfClaim = 1 / 5

/** Keeps the claim of a run alive while it works, and writes its progress, now and then rather than each time. */
export function startLease(
  claim: RunClaim,
  { store, claimMs, progressMs }: { store: RunStore; claimMs: number; progressMs: number },
): Lease {
  const controller = new AbortController()
  let cause: StopCause | undefined
  let waiting: { step?: string; progress?: RunProgress } | undefined
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let isReleased = false

  let losing: NodeJS.Timeout
  /** Whatever becomes of the database: without a renewal the work has ended before the claim does. */
  const holdSince = (askedAt: number) => {
    clearTimeout(losing)
    losing = setTimeout(() => stop('lost'), claimMs * (1 - graceOfClaim) - (performance.now() - askedAt))
  }

  holdSince(performance.now())
  const heartbeat = setInterval(() => {
    const askedAt = performance.now()
    store.renew(claim).then(
      ({ held, cancelled }) => {
        if (!held) return stop('lost')
        if (!isReleased) holdSince(askedAt)
        if (cancelled) stop('cancelled')
      },
      // The database may be away for a moment; the claim outlives some missed heartbeats.
      () => undefined,
    )
  }, claimMs / heartbeatsPerClaim)

  function stop(why: StopCause): void {
    if (cause) return
    cause = why
    controller.abort(new TenonError(why === 'cancelled' ? 'CALL_CANCELLED' : 'INTERRUPTED'))
  }

  function write(): void {
    const change = waiting
    timer = waiting = undefined
    // Progress that was not written is followed by more.
    if (change) writing = writing.then(() => store.note(claim, change)).catch(() => undefined)
  }

  function note(change: { step?: string; progress?: RunProgress }): void {
    waiting = { ...waiting, ...change }
    if (timer === undefined) timer = setTimeout(write, progressMs)
  }

  return {
    run: claim.run,
    claim,
    signal: controller.signal,
    progress: (progress) => note({ progress }),
    step(name) {
      note({ step: name })
      clearTimeout(timer)
      write()
    },
    stop,
    stopCause: () => cause,
    async flush() {
      clearTimeout(timer)
      write()
      await writing
    },
    release() {
      isReleased = true
      clearInterval(heartbeat)
      clearTimeout(losing)
    },
  }
}
