import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError, isTenonError } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'
import { limitsOf, pauseBefore } from '../limit-table.js'
import type { Notifications } from '../notifications/index.js'
import { startLease, type ActiveRun, type Lease } from './active-run.js'
import { type JobLimits, jobLimitTable } from './job-limits.js'
import { isOver, type LargeResult, type NewRun, type Run } from './run.js'
import { failureOf, interruption, takenBack } from './run-failure.js'
import { createRunQueue } from './run-queue.js'
import { createRunStore, type RunClaim, type RunEnd, type RunFilter, type RunStore } from './run-store.js'

/** What the work of a run came to. */
export interface WorkResult {
  /** For the request that waits on this server: exactly what the plugin answered. */
  answer: unknown
  counts: Record<string, number>
  /** The answer as it is kept in the row, */
  result: unknown
  /** or where it is kept beside the row. */
  largeResult?: LargeResult
}

/** Does what a run is for. @throws what made it fail */
export type Work = (active: ActiveRun) => Promise<WorkResult>

/** A run that has ended, and, when it was on this server, what came out of it. */
export interface Ended {
  run: Run
  outcome?: { answer: unknown } | { error: unknown }
}

export interface Jobs {
  readonly limits: JobLimits
  /**
   * Asks for work that any server does when it is its turn, also when this one has died by then. Where the same work,
   * without any input of its own, is asked for already, that is the run.
   * @param client of a transaction that it joins
   * @throws TenonError RUN_LIMIT
   */
  enqueue(run: NewRun, client?: PoolClient): Promise<Run>
  /** Work that does not wait for its turn. Resolves when it has begun; `ended` rejects with what made it fail. */
  perform(run: NewRun, work: Work): Promise<{ run: Run; ended: Promise<unknown> }>
  /** The run when it has ended, or as it is after so many milliseconds. */
  wait(run: Run, ms: number): Promise<Ended>
  /** Calls back with the id of each run of an organization that changes, on any server. */
  watch(organizationId: number, heard: (runId: string) => void): () => void
  get(organizationId: number, id: string): Promise<Run>
  startedAgain: RunStore['startedAgain']
  list(filter: RunFilter & { page: number; pageSize: number }): Promise<{ items: Run[]; total: number }>
  changedSince: RunStore['changedSince']
  failing: RunStore['failing']
  load: RunStore['load']
  /** @throws TenonError RUN_NOT_FOUND, RUN_OVER */
  cancel(organizationId: number, id: string): Promise<Run>
  start(): void
  /** Finishes what is under way, up to `stopMs`; the rest is put back for another server. */
  stop(): Promise<void>
}

interface JobsOptions {
  pool: Pool
  notifications: Pick<Notifications, 'subscribe'>
  claimMs: number
  /** Does runs that were enqueued for any server. */
  work: Work
  /** Told of each run that ended here, or whose server died, with how often it failed in a row; see the store. */
  onEnd?: (run: Run, failures: number) => Promise<void>
  limits?: Partial<JobLimits>
  log: (event: string, fields: Record<string, unknown>) => void
}

const pruneIntervalMs = 60 * 60_000
const looksPerClaim = 4
/** Outcomes are kept here this long for a request that comes for them after the run has ended. */
const outcomeMs = 10_000
/** Before the end of a run is written a second time; each time after that twice as long, in milliseconds. */
const firstRetryMs = 100

/**
 * Long work on a queue in Postgres that all servers share: organizations by turns, one run of an action at a time. The
 * queue says whose turn it is; the row of a run says what becomes of it, and who works on it.
 */
export function createJobs(options: JobsOptions): Jobs {
  const { pool, notifications, claimMs, work, log } = options
  const limits = limitsOf(jobLimitTable, options.limits)
  const store = createRunStore({ pool, claimMs, limits })
  const replicaId = randomUUID()
  const active = new Map<string, { lease: Lease; done: Promise<void> }>()
  const outcomes = new Map<string, NonNullable<Ended['outcome']>>()
  const waiters = new Map<string, Set<Waiter>>()
  const watchers = new Map<number, Set<(runId: string) => void>>()
  let timers: NodeJS.Timeout[] = []
  let stopped = true

  const problem = (error: unknown, runId?: string) =>
    log('jobs-failed', { ...(runId === undefined ? {} : { runId }), reason: String(error) })
  const newHolder = () => `${replicaId} ${randomUUID()}`
  const queue = createRunQueue({
    pool,
    workers: limits.workers,
    pollMs: limits.pollMs,
    flagsToSkip: () => store.flagsToSkip(),
    work: take,
    log,
  })

  notifications.subscribe('tenon_runs', {
    heard(payload) {
      const [organization = '', id = '', state = ''] = payload.split(' ')
      watchers.get(Number(organization))?.forEach((heard) => heard(id))
      if (state === 'cancelling') active.get(id)?.lease.stop('cancelled')
      else if (state !== 'queued' && state !== 'running') release(id)
    },
    missed() {
      for (const id of waiters.keys()) release(id)
    },
  })

  /** Whoever waits for this run looks at it. */
  function release(id: string): void {
    waiters.get(id)?.forEach(({ look }) => look())
  }

  /** What the queue hands out. It is another's when it is too many for its organization now, or was cancelled meanwhile. */
  async function take(runId: string): Promise<void> {
    if (stopped) return store.putBack(runId)
    const claim = await store.claim(runId, newHolder())
    if (claim) await begin(claim, work).done
  }

  function begin(claim: RunClaim, what: Work): { ended: Promise<unknown>; done: Promise<void> } {
    const lease = startLease(claim, { store, claimMs, progressMs: limits.progressMs })
    const { id } = claim.run
    const ended = Promise.resolve().then(() => what(lease))
    const done = settle(lease, ended)
      .catch((error: unknown) => problem(error, id))
      .finally(() => {
        lease.release()
        active.delete(id)
      })
    active.set(id, { lease, done })
    if (stopped) lease.stop('stopping')
    const afterwards = done.then(() => ended)
    // Nobody may be waiting here: what came of it is in the row.
    afterwards.catch(() => undefined)
    return { ended: afterwards, done }
  }

  /** Never rejects because of the work: what came out of it is in the row, and for who waits here in `outcomes`. */
  async function settle(lease: Lease, ended: Promise<WorkResult>): Promise<void> {
    const { id } = lease.run
    const outcome = await ended.then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    )
    await lease.flush()
    const end = endOf(lease, outcome)
    if (end.state !== 'queued')
      outcomes.set(id, 'result' in outcome ? { answer: outcome.result.answer } : { error: outcome.error })
    if (end.state === 'failed') {
      const { code, kind, message } = end.failure
      log('run-failed', {
        ...ids(lease.run),
        code,
        kind,
        message,
        ...causeOf('error' in outcome ? outcome.error : undefined),
      })
    }
    const run = await writeEnd(lease.claim, end).finally(() => forgetOutcome(id))
    // Lost to another server: what comes of it there is what counts.
    if (!run) outcomes.delete(id)
    release(id)
    if (run && isOver(run.state)) await told(run)
  }

  function endOf(lease: Lease, outcome: { result: WorkResult } | { error: unknown }): RunEnd {
    if ('result' in outcome) {
      const { counts, result, largeResult } = outcome.result
      return { state: 'succeeded', counts, result, largeResult }
    }
    const { run } = lease
    const cause = lease.stopCause()
    if (cause === 'cancelled') return { state: 'cancelled' }
    if (cause !== undefined)
      return run.isRepeatable
        ? { state: 'queued', failure: null, delayMs: 0, isAttempt: false }
        : { state: 'failed', failure: run.kind === 'install' ? takenBack : interruption }
    const failure = failureOf(outcome.error)
    const delayMs = pauseBefore(run.attempts + 1, limits)
    const isRepeated = run.isRepeatable && failure.kind === 'transient' && run.attempts < run.maxAttempts
    return isRepeated ? { state: 'queued', failure, delayMs, isAttempt: true } : { state: 'failed', failure }
  }

  /**
   * What was done is not to be lost with one statement: it is written again as long as a claim lives.
   * @throws what the last attempt threw
   */
  async function writeEnd(claim: RunClaim, end: RunEnd): Promise<Run | undefined> {
    const givesUpAt = performance.now() + claimMs
    for (let delayMs = firstRetryMs; ; delayMs *= 2) {
      try {
        return await store.end(claim, end)
      } catch (error) {
        if (performance.now() + delayMs > givesUpAt) throw error
        problem(error, claim.run.id)
        await sleep(delayMs)
      }
    }
  }

  function forgetOutcome(id: string): void {
    setTimeout(() => outcomes.delete(id), outcomeMs).unref()
  }

  async function told(run: Run): Promise<void> {
    if (!options.onEnd) return
    try {
      await options.onEnd(run, await store.failuresUpTo(run))
    } catch (error) {
      problem(error, run.id)
    }
  }

  async function look(): Promise<void> {
    await store.queueDue()
    for (const run of await store.takeExpired()) {
      log('run-taken-over', { ...ids(run), state: run.state })
      if (isOver(run.state)) await told(run)
    }
    for (const id of waiters.keys()) release(id)
  }

  return {
    limits,
    async enqueue(run, client) {
      return store.add(run, { once: isBare(run), client })
    },
    async perform(run, what) {
      if (stopped) throw new TenonError('SHUTTING_DOWN')
      const claim = await store.addRunning(run, newHolder())
      return { run: claim.run, ended: begin(claim, what).ended }
    },
    async wait(run, ms) {
      return new Promise<Ended>((resolve, reject) => {
        const { organizationId, id } = run
        const look = () => {
          const outcome = outcomes.get(id)
          store.get(organizationId, id).then(
            (now) => {
              if (isOver(now.state)) finish(() => resolve({ run: now, ...(outcome ? { outcome } : {}) }))
            },
            (error: unknown) => {
              // The database may be away for a moment; a run that is gone is gone with its organization.
              if (isTenonError(error)) finish(() => reject(error))
            },
          )
        }
        const giveUp = () =>
          void store.get(organizationId, id).then(
            (now) => finish(() => resolve({ run: now })),
            (error: unknown) => finish(() => reject(error as Error)),
          )
        const waiter = { look, giveUp }
        const timer = setTimeout(giveUp, ms)
        const finish = (answer: () => void) => {
          clearTimeout(timer)
          const others = waiters.get(id)
          others?.delete(waiter)
          if (others?.size === 0) waiters.delete(id)
          answer()
        }
        waiters.set(id, (waiters.get(id) ?? new Set()).add(waiter))
        look()
      })
    },
    watch(organizationId, heard) {
      const set = watchers.get(organizationId) ?? new Set()
      watchers.set(organizationId, set.add(heard))
      return () => {
        set.delete(heard)
        if (set.size === 0) watchers.delete(organizationId)
      }
    },
    get: store.get,
    startedAgain: store.startedAgain,
    list: store.list,
    changedSince: store.changedSince,
    failing: store.failing,
    load: store.load,
    async cancel(organizationId, id) {
      const run = await store.cancel(organizationId, id)
      active.get(id)?.lease.stop('cancelled')
      if (isOver(run.state)) {
        outcomes.set(id, { error: new TenonError('CALL_CANCELLED') })
        forgetOutcome(id)
      }
      release(id)
      return run
    },
    start() {
      stopped = false
      const lookNow = () => void look().catch((error: unknown) => problem(error))
      const pruneNow = () => void store.prune().catch((error: unknown) => problem(error))
      const mendNow = () => void store.queueLost().catch((error: unknown) => problem(error))
      timers = [
        setInterval(lookNow, limits.pollMs),
        setInterval(mendNow, claimMs / looksPerClaim),
        setInterval(pruneNow, pruneIntervalMs),
      ]
      queue.start()
      lookNow()
      mendNow()
      pruneNow()
    },
    async stop() {
      stopped = true
      timers.forEach(clearInterval)
      const drained = queue.stop()
      const timer = setTimeout(() => active.forEach(({ lease }) => lease.stop('stopping')), limits.stopMs)
      // Whoever waits for a database that is away would wait for ever; a run whose claim has ended is another server's.
      const upTo = (ms: number) => sleep(ms, undefined, { ref: false })
      await Promise.race([Promise.all([...active.values()].map(({ done }) => done)), upTo(limits.stopMs + claimMs)])
      clearTimeout(timer)
      await Promise.race([drained, upTo(limits.stopMs)])
      for (const set of waiters.values()) set.forEach(({ giveUp }) => giveUp())
    },
  }
}

interface Waiter {
  /** Looks whether the run has ended. */
  look: () => void
  giveUp: () => void
}

const ids = ({ id, organizationId, pluginKey, kind, action }: Run) => ({
  runId: id,
  organizationId,
  pluginKey,
  kind,
  action,
})

/** Where nothing was sent along, doing it once is enough for everybody who asks meanwhile. */
function isBare({ input, kind }: NewRun): boolean {
  if (kind === 'import') return false
  const { body, file, sentId } = input ?? {}
  if (file ?? sentId) return false
  return body === undefined || (typeof body === 'object' && body !== null && Object.keys(body).length === 0)
}

/** For the log, of what is nobody's error but ours. */
function causeOf(error: unknown): { cause?: string } {
  return error instanceof Error && !isTenonError(error) ? { cause: error.stack ?? error.message } : {}
}
