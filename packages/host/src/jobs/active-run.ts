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
  /** Writes what is left to write of the progress; nothing is renewed from then on. */
  finish(): Promise<void>
}

const heartbeatsPerClaim = 4

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

  const heartbeat = setInterval(() => {
    store.renew(claim).then(
      ({ held, cancelled }) => {
        if (!held) stop('lost')
        else if (cancelled) stop('cancelled')
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
    async finish() {
      clearInterval(heartbeat)
      clearTimeout(timer)
      write()
      await writing
    },
  }
}
