import { Logger, runMigrations, runTaskList, type WorkerPool } from 'graphile-worker'
import type { Pool } from 'pg'

/** Where the library keeps its tables. */
export const queueSchema = 'tenon_queue'
/** What a job of the queue is: the turn of one run. */
const task = 'run'
/** What the library sets when somebody tells of tables that it does not know, be they ours or those of another application. */
const outdatedExitCode = 57
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

/** Makes the tables of the queue, or brings them up to date. Any number of servers may do so at once. */
export async function installQueue(pool: Pool): Promise<void> {
  surviveLostConnections(pool)
  await runMigrations({ pgPool: pool, schema: queueSchema, logger: quiet })
}

/** The workers of one server. They go on after whatever the database does. */
export function createRunQueue({ pool, workers, pollMs, flagsToSkip, work, log }: RunQueueOptions): RunQueue {
  let current: WorkerPool | undefined
  let restart: NodeJS.Timeout | undefined
  surviveLostConnections(pool)

  const logger = new Logger(() => (level: string, message) => {
    if (level === 'error' || level === 'warning') log('run-queue', { level, message })
  })
  const tasks = { [task]: (payload: unknown) => work((payload as { runId: string }).runId) }

  function start(): void {
    const pools = runTaskList(
      {
        schema: queueSchema,
        concurrency: workers,
        pollInterval: pollMs,
        noHandleSignals: true,
        forbiddenFlags: flagsToSkip,
        logger,
        // Without a batch nobody hears of a job that cannot be given back, and the process ends.
        preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      },
      tasks,
      pool,
    )
    current = pools
    const ended = (reason?: unknown) => {
      if (current !== pools) return
      if (process.exitCode === outdatedExitCode) process.exitCode = undefined
      log('run-queue', { level: 'error', message: `begins anew: ${String(reason ?? 'it ended')}` })
      restart = setTimeout(start, pollMs)
    }
    pools.promise.then(() => ended(), ended)
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

/** A connection that breaks while it is used is told by the statement that it breaks; as an event it would end the process. */
function surviveLostConnections(pool: Pool): void {
  if (pool.listeners('acquire').includes(survive)) return
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
