import { setMaxListeners } from 'node:events'
import { TenonError } from '@tenon/contract'
import { z } from 'zod'
import { nameOfTable } from './copy-rows.js'
import { createAutocommitSession } from './autocommit-session.js'
import { createLifecycleSession } from './lifecycle-session.js'
import type { Lease, LeaseKind } from './role-pools.js'
import { isolationLevels, type SessionResources } from './session-mode.js'
import { errorForPlugin } from './statement-plan.js'

export interface SessionOptions {
  /** `lifecycle`: one transaction that the host commits. `autocommit`: every statement for itself. */
  mode: 'autocommit' | 'lifecycle'
  /** Transactions may take as long as those of jobs. */
  isJob?: boolean
  /** The session ends, and what it runs is killed, after this many milliseconds. */
  deadlineMs: number
  /** The call was cancelled. */
  signal?: AbortSignal
  /**
   * The plugin, where several share the role: tables that it creates are recorded, so that its uninstall can remove
   * those which no other plugin claims.
   */
  recordTablesOf?: string
}

/** A plugin's way to the database for one call, bound to one role and so to one tenant. */
export interface DatabaseSession {
  /** By the names of the messages that the plugin process sends. Statement errors are values, not exceptions. */
  handlers: Record<
    'db.query' | 'db.copy' | 'db.begin' | 'db.commit' | 'db.rollback',
    (params: unknown) => Promise<unknown>
  >
  /** Lifecycle only: Postgres's id of the transaction, by which anybody learns later whether it was committed. */
  transactionId(): Promise<string>
  /** Lifecycle only. @throws what a deferred constraint says. */
  commit(): Promise<void>
  /** Lifecycle only: nothing of the call remains. */
  rollback(): Promise<void>
  /** Rolls back what is open and gives the connections back. Never throws. */
  end(): Promise<void>
}

/** As the protocol of Postgres has it. */
export const maxBoundValues = 65_535

const queryParams = z.object({
  sql: z.string(),
  bind: z.array(z.unknown()).max(maxBoundValues, `more than ${maxBoundValues} values`).optional(),
  transaction: z.string().max(40).optional(),
})
const beginParams = z.object({
  isolation: z.enum(isolationLevels).optional(),
  readOnly: z.boolean().optional(),
  parent: z.string().max(40).optional(),
})
const finishParams = z.object({ transaction: z.string().max(40) })

/** One for all: an abort without a reason makes an error with a stack, on every call. */
const sessionEnded = new TenonError('SESSION_ENDED')

export function openSession(
  resources: Omit<SessionResources, 'acquire'> & { acquire: (kind: LeaseKind, signal: AbortSignal) => Promise<Lease> },
  { mode, deadlineMs, signal, isJob = false }: SessionOptions,
): DatabaseSession {
  const ended = lazyEnd()
  const deadline = performance.now() + deadlineMs
  const bound = { ...resources, acquire: (kind: LeaseKind) => resources.acquire(kind, ended.signal()) }
  const lifecycle =
    mode === 'lifecycle' ? createLifecycleSession(bound, () => Math.max(0, deadline - performance.now())) : undefined
  const session = lifecycle ?? createAutocommitSession(bound, isJob)

  let inFlight = 0

  const abort = () => {
    ended.end()
    session.abort(new TenonError('SESSION_ENDED'))
  }
  const timer = setTimeout(abort, deadlineMs)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()

  function answer<Params>(schema: z.ZodType<Params>, work: (params: Params) => Promise<unknown>) {
    return async (params: unknown) => {
      if (ended.isOver) throw new TenonError('SESSION_ENDED')
      const parsed = schema.safeParse(params)
      if (!parsed.success) throw refusalOf(parsed.error)
      inFlight += 1
      try {
        return await work(parsed.data)
      } catch (error) {
        if (ended.isOver) throw new TenonError('SESSION_ENDED', {}, { cause: error })
        return { error: errorForPlugin(error) }
      } finally {
        inFlight -= 1
      }
    }
  }

  return {
    handlers: {
      'db.query': answer(queryParams, async ({ sql, bind, transaction }) => ({
        results: await session.query(sql, bind, transaction),
      })),
      'db.copy': answer(resources.copySchema, async ({ transaction, ...rows }) => {
        resources.onTables?.([`${nameOfTable(rows.table)}:insert`])
        return { rowCount: await session.copy(rows, transaction) }
      }),
      'db.begin': answer(beginParams, async (options) => ({ transaction: await session.begin(options) })),
      'db.commit': answer(finishParams, async ({ transaction }) => (await session.commit(transaction), {})),
      'db.rollback': answer(finishParams, async ({ transaction }) => (await session.rollback(transaction), {})),
    },
    async transactionId() {
      if (!lifecycle || ended.isOver) throw new TenonError('SESSION_ENDED')
      return lifecycle.transactionId()
    },
    async commit() {
      if (ended.isOver) throw new TenonError('SESSION_ENDED')
      await lifecycle?.commitAll()
    },
    async rollback() {
      await lifecycle?.rollbackAll()
    },
    async end() {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      ended.end()
      // A statement that still runs would hold its connection until it is done.
      if (inFlight > 0) session.abort(new TenonError('SESSION_ENDED'))
      await session.end()
    },
  }
}

/** Whether a session is over, with a signal only for those that ask: most calls never send a statement. */
function lazyEnd() {
  let controller: AbortController | undefined
  let isOver = false
  return {
    get isOver() {
      return isOver
    },
    signal(): AbortSignal {
      if (!controller) {
        controller = new AbortController()
        // One listener for each statement that waits for a connection, and a plugin may send many at once.
        setMaxListeners(0, controller.signal)
        if (isOver) controller.abort(sessionEnded)
      }
      return controller.signal
    },
    end(): void {
      isOver = true
      controller?.abort(sessionEnded)
    },
  }
}

function refusalOf({ issues }: z.ZodError): TenonError {
  const [issue] = issues
  return new TenonError('STATEMENT_REFUSED', { reason: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` })
}
