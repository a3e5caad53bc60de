import { TenonError } from '@tenon/contract'
import type { RoleConnection, StatementLimits, StatementResult } from './role-connection.js'
import { isPostgresError } from '../migrations/sql-text.js'

/** What is left to do for one text of a plugin after the guard has read it. */
export type Step =
  | { kind: 'run'; sql: string }
  /** `IF condition THEN … END IF` of a harmless DO block. */
  | { kind: 'when'; condition: string; then: string[]; otherwise: string[] }
  /** Nothing to do: the plugin asked for something that is already so. */
  | { kind: 'done'; command: string }

export interface StatementPlan {
  steps: Step[]
  /** Names that `CREATE … IF NOT EXISTS` mentions. If they exist they must be the plugin's own. */
  ownIfPresent: string[]
  /** Tables that `CREATE TABLE` mentions, with or without IF NOT EXISTS, and `SELECT INTO`. */
  creates: string[]
  /** Whether the role may own more tables, indexes or sequences afterwards. */
  adds: boolean
  /** What is read and written, by the names that the text uses: `risks:insert`. */
  touches: string[]
}

export interface PlanRunner {
  connection: RoleConnection
  schema: string
  limits: StatementLimits
  /** Tables, indexes and sequences of one role. */
  maxRelations: number
  /** True when the caller has a transaction open already. */
  inTransaction: boolean
}

/** Runs what the guard left, as one unit: several steps outside a transaction get one of their own. */
export async function runPlan(plan: StatementPlan, values: unknown[] | undefined, runner: PlanRunner) {
  if (plan.adds) await assertRoom(runner)
  if (plan.ownIfPresent.length > 0) await assertOwn(plan.ownIfPresent, runner)
  if (plan.steps.length === 1 || runner.inTransaction) return runSteps(plan.steps, values, runner)
  const { connection, limits } = runner
  await connection.run('BEGIN', undefined, limits)
  try {
    const results = await runSteps(plan.steps, values, runner)
    await connection.run('COMMIT', undefined, limits)
    return results
  } catch (error) {
    if (connection.usable) await connection.run('ROLLBACK', undefined, limits)
    throw error
  }
}

async function runSteps(steps: Step[], values: unknown[] | undefined, runner: PlanRunner): Promise<StatementResult[]> {
  const { connection, limits } = runner
  const results: StatementResult[] = []
  for (const step of steps) {
    if (step.kind === 'run') results.push(...(await connection.run(step.sql, values, limits)))
    else if (step.kind === 'done') results.push(emptyResult(step.command))
    else results.push(await runConditional(step, runner))
  }
  return results
}

async function runConditional(step: Extract<Step, { kind: 'when' }>, { connection, limits }: PlanRunner) {
  const [answer] = await connection.run(`SELECT (${step.condition})`, undefined, limits)
  for (const sql of answer?.rows[0]?.[0] === true ? step.then : step.otherwise) {
    await connection.run(sql, undefined, limits)
  }
  return emptyResult('DO')
}

/** The notice "already exists, skipping" would let a plugin believe that somebody else's table is its own. */
async function assertOwn(names: string[], { connection, schema, limits }: PlanRunner): Promise<void> {
  const [answer] = await connection.run(
    `SELECT c.relname FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) $1
       AND c.relname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.text[])
       AND pg_catalog.pg_get_userbyid(c.relowner) OPERATOR(pg_catalog.<>) session_user`,
    [schema, names],
    limits,
  )
  const taken = answer?.rows[0]?.[0]
  if (taken !== undefined) throw nameTaken(String(taken))
}

/** Each takes a lock of whoever reads it, and all sessions of a server share one table of locks. */
async function assertRoom({ connection, limits, maxRelations }: PlanRunner): Promise<void> {
  const [answer] = await connection.run(
    `SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) c.relowner
     WHERE r.rolname OPERATOR(pg_catalog.=) session_user`,
    undefined,
    limits,
  )
  const owned = Number(answer?.rows[0]?.[0])
  if (owned < maxRelations) return
  const reason = `there are ${owned} tables, indexes and sequences of this plugin, the limit is ${maxRelations}`
  throw new TenonError('STATEMENT_REFUSED', { reason })
}

function nameTaken(name: string): Error {
  return Object.assign(new Error(`relation "${name}" already exists and belongs to another plugin or to the host`), {
    code: '42P07',
    severity: 'ERROR',
  })
}

function emptyResult(command: string): StatementResult {
  return { command, rowCount: null, fields: [], rows: [] }
}

/**
 * The part of an error that a plugin gets: the server's own words, or a sentence of Tenon.
 * @throws what is neither; the inside of the host is not for plugins to read.
 */
export function errorForPlugin(error: unknown): Record<string, string> {
  if (error instanceof TenonError && forPlugins.has(error.code)) return { message: error.message, code: error.code }
  if (!isPostgresError(error)) throw error
  const { message, code, detail, hint, position, schema, table, column, dataType, constraint, routine, severity } =
    error
  const fields = {
    message,
    code,
    detail,
    hint,
    position,
    schema,
    table,
    column,
    dataType,
    constraint,
    routine,
    severity,
  }
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

const forPlugins = new Set([
  'STATEMENT_REFUSED',
  'STATEMENT_TIMEOUT',
  'TRANSACTION_TIMEOUT',
  'TRANSACTION_IN_THE_WAY',
  'TOO_MANY_LOCKS',
  'RESULT_TOO_LARGE',
  'DATABASE_BUSY',
  'SESSION_ENDED',
])
