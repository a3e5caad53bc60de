import { EventEmitter } from 'node:events'
import { Logger, runMigrations, runTaskList, type WorkerEvents, type WorkerPool } from 'graphile-worker'
import type { Pool } from 'pg'
import { isPostgresError } from '../migrations/sql-text.js'

/** Where the library keeps its tables. */
export const queueSchema = 'tenon_queue'
/** What a job of the queue is: the turn of one run. */
const task = 'run'
/** What the library sets when somebody tells of tables that it does not know, be they ours or those of another application. */
const outdatedExitCode = 57
/** Codes of Postgres: there is no such column; this is no table. */
const foreignTables = new Set(['42703', '42809'])
const quiet = new Logger(() => () => {})

/** Hands out runs whose turn it is, to as many at a time as there are workers. */
export interface RunQueue {
  start(): void
  /** Nothing is handed out from now on. Resolves when the work that is under way has ended. */
  stop(): Promise<void>
}

interface RunQueueOptions {
  pool: Pool
  /** How many runs are at work here at most. */
  workers: number
  /** Between two looks for runs that no notification told of, in milliseconds. */
  pollMs: number
  /** Flags of jobs that are not to be handed out now. */
  flagsToSkip: () => Promise<string[]>
  /** Resolves when the run has ended, or when it is for somebody else. */
  work: (runId: string) => Promise<void>
  log: (event: string, fields: Record<string, unknown>) => void
}

/**
 * Makes the tables of the queue, or brings them up to date. Any number of servers may do so at once.
 * @throws Error when they are of a later release, or not the queue's
 */
export async function installQueue(pool: Pool): Promise<void> {
  surviveLostConnections(pool)
  try {
    await runMigrations({ pgPool: pool, schema: queueSchema, logger: quiet })
  } catch (cause) {
    forgetExitCode()
    if (!isPostgresError(cause) || !foreignTables.has(cause.code)) throw cause
    const message = `The schema ${queueSchema} holds tables that are not the queue's. Rename it, and start again.`
    throw new Error(message, { cause })
  }
}

function forgetExitCode(): void {
  if (process.exitCode === outdatedExitCode) process.exitCode = undefined
}

/** The workers of one server. They go on after whatever the database does. */
export function createRunQueue({ pool, workers, pollMs, flagsToSkip, work, log }: RunQueueOptions): RunQueue {
  let current: WorkerPool | undefined
  let restart: NodeJS.Timeout | undefined
  surviveLostConnections(pool)

  const logger = new Logger(() => (level: string, message) => {
    if (level === 'error' || level === 'warning') log('run-queue', { level, message })
  })
  const tasks = { [task]: (payload: unknown) => inPlace(() => work((payload as { runId: string }).runId)) }

  let freePlaces = workers
  const waiting: (() => void)[] = []
  /** Workers that have been told to end may be at work for hours yet, beside those that begin anew. */
  async function inPlace(worked: () => Promise<void>): Promise<void> {
    if (freePlaces === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else freePlaces -= 1
    try {
      await worked()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else freePlaces += 1
    }
  }

  function start(): void {
    const events: WorkerEvents = new EventEmitter()
    const pools = runTaskList(
      {
        schema: queueSchema,
        concurrency: workers,
        pollInterval: pollMs,
        noHandleSignals: true,
        forbiddenFlags: flagsToSkip,
        logger,
        events,
        // Without a batch nobody hears of a job that cannot be given back, and the process ends.
        preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      },
      tasks,
      pool,
    )
    current = pools
    // Told when it begins to end. It has ended when all that is at work there has, and not even then where several
    // jobs were finished after one that could not be given back.
    events.on('pool:gracefulShutdown', ({ message }) => {
      if (current !== pools) return
      current = undefined
      forgetExitCode()
      log('run-queue', { level: 'error', message: `begins anew: ${message}` })
      restart = setTimeout(start, pollMs)
    })
    beginAnewWithoutTask(events, () => current === pools && void pools.gracefulShutdown('it could not look'))
  }

  return {
    start,
    async stop() {
      clearTimeout(restart)
      const pools = current
      current = undefined
      try {
        await pools?.gracefulShutdown()
      } catch (error) {
        log('run-queue', { level: 'warning', message: String(error) })
      }
    },
  }
}

/** Where the first question for the number of the task fails, the library remembers that for good. */
function beginAnewWithoutTask(events: WorkerEvents, beginAnew: () => void): void {
  let hasAsked = false
  let hasLooked = false
  events.on('worker:getJob:start', () => (hasAsked = true))
  events.on('worker:getJob:empty', () => (hasLooked = true))
  events.on('job:start', () => (hasLooked = true))
  events.on('worker:getJob:error', () => {
    if (hasAsked && !hasLooked) beginAnew()
  })
}

/** A connection that breaks while it is used is told by the statement that it breaks; as an event it would end the process. */
function surviveLostConnections(pool: Pool): void {
  if (pool.listeners('acquire').includes(survive)) return
  if (pool.listenerCount('error') === 0) pool.on('error', ignore)
  pool.on('connect', survive)
  pool.on('acquire', survive)
}

function survive(client: {
  listeners(event: 'error'): unknown[]
  on(event: 'error', heard: () => void): unknown
}): void {
  if (!client.listeners('error').includes(ignore)) client.on('error', ignore)
}

function ignore(): void {}
