import { TenonError } from '@tenon/contract'
import { copyStatement, type EncodedRows } from './copy-rows.js'
import type { TenancyLimits } from './limits.js'
import type { Lease } from './role-pools.js'
import type { BeginOptions, SessionMode, SessionResources } from './session-mode.js'
import { runPlan } from './statement-plan.js'

interface OpenTransaction {
  lease: Lease
  timer: NodeJS.Timeout
  savepoints: number
  creates: string[]
}

/**
 * How routes and jobs reach the database: every statement stands alone, unless the plugin opens a transaction. In one,
 * an error aborts it, as in Postgres. What the call leaves open is rolled back when it ends.
 */
export function createAutocommitSession(resources: SessionResources, isJob: boolean): SessionMode {
  const { schema, guard, limits, acquire } = resources
  const open = new Map<string, OpenTransaction>()
  const running = new Set<Lease>()
  const { maxRelations } = limits
  const statementLimits = limitsOfStatements(limits)
  const transactionMs = isJob ? limits.jobTransactionTimeoutMs : limits.transactionTimeoutMs
  let counter = 0

  async function runAlone(sql: string, values: unknown[] | undefined) {
    const plan = await guard.plan(sql, schema, values !== undefined)
    const lease = await acquire('autocommit')
    running.add(lease)
    try {
      const { connection } = lease
      const results = await runPlan(plan, values, {
        connection,
        schema,
        limits: statementLimits,
        maxRelations,
        inTransaction: false,
      })
      if (plan.creates.length > 0) await resources.recordTables?.(plan.creates)
      return results
    } finally {
      running.delete(lease)
      lease.release()
    }
  }

  async function runInside(id: string, sql: string, values: unknown[] | undefined) {
    const { lease, creates } = find(id)
    const { connection } = lease
    const plan = await guard.plan(sql, schema, values !== undefined)
    creates.push(...plan.creates)
    return runPlan(plan, values, { connection, schema, limits: statementLimits, maxRelations, inTransaction: true })
  }

  async function copyAlone(rows: EncodedRows): Promise<number> {
    const lease = await acquire('autocommit')
    running.add(lease)
    try {
      return await lease.connection.copyIn(copyStatement(rows), rows.data, statementLimits)
    } finally {
      running.delete(lease)
      lease.release()
    }
  }

  async function begin({ isolation, readOnly }: BeginOptions): Promise<string> {
    const lease = await acquire('transaction')
    const timeout = new TenonError('TRANSACTION_TIMEOUT', { seconds: transactionMs / 1000 })
    const timer = setTimeout(() => void lease.connection.terminate(timeout), transactionMs)
    try {
      await lease.connection.run(beginStatement(isolation, readOnly), undefined, statementLimits)
    } catch (error) {
      clearTimeout(timer)
      lease.release()
      throw error
    }
    const id = `t${++counter}`
    open.set(id, { lease, timer, savepoints: 0, creates: [] })
    return id
  }

  async function beginNested(parent: string): Promise<string> {
    const { transaction, id: parentId } = outermost(parent)
    const savepoint = `${parentId}.s${++transaction.savepoints}`
    await transaction.lease.connection.run(`SAVEPOINT "${savepoint}"`, undefined, statementLimits)
    return savepoint
  }

  /** A nested transaction is a savepoint; committing it means nothing until the outermost one commits. */
  async function finish(id: string, command: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    const { transaction, isNested } = outermost(id)
    const { connection } = transaction.lease
    if (isNested) {
      if (command === 'ROLLBACK') await connection.run(`ROLLBACK TO SAVEPOINT "${id}"`, undefined, statementLimits)
      return
    }
    open.delete(id)
    clearTimeout(transaction.timer)
    try {
      await connection.run(command, undefined, statementLimits)
      if (command === 'COMMIT' && transaction.creates.length > 0) await resources.recordTables?.(transaction.creates)
    } finally {
      transaction.lease.release()
    }
  }

  function find(id: string): OpenTransaction {
    return outermost(id).transaction
  }

  function outermost(id: string): { id: string; transaction: OpenTransaction; isNested: boolean } {
    const outerId = id.split('.')[0] ?? ''
    const transaction = open.get(outerId)
    if (!transaction) throw new TenonError('SESSION_ENDED')
    return { id: outerId, transaction, isNested: id !== outerId }
  }

  return {
    query: (sql, values, transaction) =>
      transaction === undefined ? runAlone(sql, values) : runInside(transaction, sql, values),
    copy: (rows, transaction) =>
      transaction === undefined
        ? copyAlone(rows)
        : find(transaction).lease.connection.copyIn(copyStatement(rows), rows.data, statementLimits),
    begin: (options) => (options.parent === undefined ? begin(options) : beginNested(options.parent)),
    commit: (id) => finish(id, 'COMMIT'),
    rollback: (id) => finish(id, 'ROLLBACK'),
    async end() {
      for (const id of [...open.keys()]) await finish(id, 'ROLLBACK').catch(() => {})
    },
    abort(reason) {
      for (const lease of [...running, ...[...open.values()].map((transaction) => transaction.lease)]) {
        void lease.connection.terminate(reason)
      }
    },
  }
}

export function limitsOfStatements(limits: TenancyLimits) {
  return {
    timeoutMs: limits.statementTimeoutMs + limits.killGraceMs,
    maxBytes: limits.maxResultBytes,
    maxRows: limits.maxResultRows,
  }
}

function beginStatement(isolation: BeginOptions['isolation'], readOnly = false): string {
  return `BEGIN${isolation ? ` ISOLATION LEVEL ${isolation}` : ''}${readOnly ? ' READ ONLY' : ''}`
}
