import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError } from '@tenon/contract'
import { limitsOfStatements } from './autocommit-session.js'
import { copyStatement } from './copy-rows.js'
import type { RoleConnection, StatementLimits } from './role-connection.js'
import type { Lease } from './role-pools.js'
import type { BeginOptions, SessionMode, SessionResources } from './session-mode.js'
import { runPlan } from './statement-plan.js'

interface PluginTransaction {
  savepoint: string
  nested: boolean
  /** Set by the first error inside it. Postgres would refuse the rest; so do we, without aborting the whole call. */
  aborted: boolean
}

/** The pinned transaction of one lifecycle call: nothing of it is seen by anyone until the host commits. */
export interface LifecycleSession extends SessionMode {
  /** Postgres's id of the transaction, by which anybody learns later whether it was committed. */
  transactionId(): Promise<string>
  commitAll(): Promise<void>
  rollbackAll(): Promise<void>
}

/**
 * How install, configure, uninstall and update reach the database: one transaction, one savepoint per statement (a
 * statement that fails and is caught does not poison the next), and the plugin's own transactions are savepoints.
 */
export function createLifecycleSession(resources: SessionResources, remainingMs: () => number): LifecycleSession {
  const { schema, guard, limits, acquire } = resources
  const transactions = new Map<string, PluginTransaction>()
  let lease: Promise<Lease> | undefined
  let outermost: string | undefined
  let counter = 0
  const creates: string[] = []
  const inOrder = oneAtATime()

  const statementLimits = (): StatementLimits => ({
    ...limitsOfStatements(limits),
    timeoutMs: remainingMs() + limits.killGraceMs,
  })

  async function start(): Promise<Lease> {
    const taken = await acquire('lifecycle')
    const milliseconds = Math.max(1, Math.round(remainingMs()))
    try {
      await taken.connection.run(
        `BEGIN; SET LOCAL statement_timeout = ${milliseconds}; SET LOCAL idle_in_transaction_session_timeout = 0`,
        undefined,
        statementLimits(),
      )
    } catch (error) {
      taken.release()
      throw error
    }
    return taken
  }

  async function command(sql: string): Promise<void> {
    lease ??= start()
    await (await lease).connection.run(sql, undefined, statementLimits())
  }

  async function runGuarded(sql: string, values: unknown[] | undefined, id: string | undefined) {
    const plan = await guard.plan(sql, schema, values !== undefined)
    const results = await underSavepoint(id, (connection) =>
      runPlan(plan, values, {
        connection,
        schema,
        limits: statementLimits(),
        maxRelations: limits.maxRelations,
        inTransaction: true,
      }),
    )
    creates.push(...plan.creates)
    return results
  }

  async function underSavepoint<Result>(
    id: string | undefined,
    work: (connection: RoleConnection) => Promise<Result>,
  ): Promise<Result> {
    return inOrder(async () => {
      const transaction = id === undefined ? undefined : find(id)
      if (transaction?.aborted) throw transactionAborted()
      await command('SAVEPOINT tenon_statement')
      const { connection } = await (lease as Promise<Lease>)
      try {
        const result = await work(connection)
        await command('RELEASE SAVEPOINT tenon_statement')
        return result
      } catch (error) {
        if (transaction) transaction.aborted = true
        if (connection.usable) await command('ROLLBACK TO SAVEPOINT tenon_statement; RELEASE SAVEPOINT tenon_statement')
        throw error
      }
    })
  }

  async function begin({ parent }: BeginOptions): Promise<string> {
    const nested = parent !== undefined
    const id = `t${++counter}`
    if (nested) find(parent)
    else await takeTurn(id)
    const savepoint = `tenon_transaction_${id}`
    transactions.set(id, { savepoint, nested, aborted: false })
    await inOrder(() => command(`SAVEPOINT ${savepoint}`))
    return id
  }

  // There is one connection: the second of two transactions that were started side by side waits for the first.
  async function takeTurn(id: string): Promise<void> {
    const giveUpAt = performance.now() + limits.connectionWaitMs
    while (outermost !== undefined) {
      if (performance.now() > giveUpAt) throw new TenonError('DATABASE_BUSY')
      await sleep(5)
    }
    outermost = id
  }

  async function finish(id: string, keep: boolean): Promise<void> {
    const { savepoint, nested, aborted } = find(id)
    await inOrder(async () => {
      transactions.delete(id)
      if (outermost === id) outermost = undefined
      if (!keep || aborted) await command(`ROLLBACK TO SAVEPOINT ${savepoint}`)
      if (!nested) await command(`RELEASE SAVEPOINT ${savepoint}`)
    })
  }

  function find(id: string): PluginTransaction {
    const transaction = transactions.get(id)
    if (!transaction) throw new TenonError('SESSION_ENDED')
    return transaction
  }

  async function close(sql: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (!lease) return
    const taken = await lease
    lease = undefined
    try {
      if (sql === 'COMMIT' || taken.connection.usable) await taken.connection.run(sql, undefined, statementLimits())
    } finally {
      taken.release()
    }
  }

  return {
    query: runGuarded,
    copy: (rows, id) =>
      underSavepoint(id, (connection) => connection.copyIn(copyStatement(rows), rows.data, statementLimits())),
    begin,
    commit: (id) => finish(id, true),
    rollback: (id) => finish(id, false),
    transactionId: () =>
      inOrder(async () => {
        lease ??= start()
        const { connection } = await lease
        const sql = 'SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text'
        const [result] = await connection.run(sql, undefined, statementLimits())
        return String(result?.rows[0]?.[0])
      }),
    commitAll: () =>
      inOrder(async () => {
        await close('COMMIT')
        if (creates.length > 0) await resources.recordTables?.(creates)
      }),
    rollbackAll: () => inOrder(() => close('ROLLBACK')),
    end: () => inOrder(() => close('ROLLBACK')).catch(() => {}),
    abort(reason) {
      void lease?.then((taken) => taken.connection.terminate(reason)).catch(() => {})
    },
  }
}

function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve()
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const mine = last.then(work)
    last = mine.catch(() => {})
    return mine
  }
}

function transactionAborted(): Error {
  return Object.assign(new Error('current transaction is aborted, commands ignored until end of transaction block'), {
    code: '25P02',
    severity: 'ERROR',
  })
}
