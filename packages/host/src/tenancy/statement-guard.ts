import { TenonError } from '@tenon/contract'
import { readDoBlock } from './do-block.js'
import { type ParsedStatement, type ParseNode, tooDeep } from './parse-tree.js'
import { createStatementParser } from './statement-parser.js'
import type { StatementPlan, Step } from './statement-plan.js'
import { type FunctionNames, judgeStatement, refuse, type StatementFacts } from './statement-rules.js'

export interface StatementGuard {
  /**
   * Reads a text of a plugin, with replacements already in it, and says what of it is to be run.
   * @throws TenonError STATEMENT_REFUSED; Postgres's own syntax error.
   */
  plan(sql: string, schema: string, hasValues: boolean): Promise<StatementPlan>
  close(): Promise<void>
}

interface GuardOptions {
  functions: FunctionNames
  maxSqlLength: number
  /** For one text that is read on a thread of its own. */
  parseMs: number
  /** Of what the parser makes of one text, values left out. */
  maxTreeCharacters: number
}

// Plugins repeat their statements with other parameters; long texts with values in them do not repeat.
const CACHED_PLANS = 1_000
const CACHED_CHARACTERS = 4_096
/** Of a DO statement; longer than any that creates a type or a column once. */
export const maxBlockBytes = 16_384

export async function createStatementGuard({
  functions,
  maxSqlLength,
  ...limits
}: GuardOptions): Promise<StatementGuard> {
  const parser = await createStatementParser(limits)
  const cache = new Map<string, StatementPlan>()

  async function plan(sql: string, schema: string, hasValues: boolean): Promise<StatementPlan> {
    if (sql.length > maxSqlLength) {
      refuse(`its text has ${sql.length} characters, the limit is ${maxSqlLength}; use bind or insertMany()`)
    }
    // The server would read only what comes before it.
    if (sql.includes('\0')) refuse('its text contains the character U+0000')
    const statements = await parser.parse(sql, schema)
    const facts: StatementFacts = { ownIfPresent: [], creates: [], adds: false, touches: [] }
    const steps: (Step[] | undefined)[] = []
    for (const statement of statements) steps.push(await judge(statement, sql, schema, facts))
    // A text of plain statements goes to the server as it came.
    const isPlain = steps.every((step) => step === undefined)
    if (isPlain) return { steps: [{ kind: 'run', sql }], ...facts }
    if (hasValues) refuse('DO and CREATE SCHEMA take no bind parameters')
    const split = statements.flatMap(
      (statement, at): Step[] => steps[at] ?? [{ kind: 'run', sql: slice(sql, statement) }],
    )
    return { steps: split, ...facts }
  }

  /** The steps that stand for a statement which is not run as it is; undefined when it is. */
  async function judge(
    statement: ParsedStatement,
    sql: string,
    schema: string,
    facts: StatementFacts,
  ): Promise<Step[] | undefined> {
    const created = statement.stmt['CreateSchemaStmt'] as ParseNode | undefined
    if (created?.['schemaname'] === schema && created['if_not_exists'] === true && !created['schemaElts']) {
      return [{ kind: 'done', command: 'CREATE' }]
    }
    if (statement.stmt['DoStmt']) {
      const bytes = statement.stmt_len ?? Buffer.byteLength(sql)
      if (bytes > maxBlockBytes) refuse(`a DO block has ${maxBlockBytes} bytes at most, and this one ${bytes}`)
      const steps = readDoBlock(await parser.parseBlock(slice(sql, statement), schema))
      for (const step of steps ?? []) await judgeStep(step, schema, facts)
      if (steps) return steps
    }
    addFacts(facts, judgeStatement(statement.stmt, functions))
    return undefined
  }

  async function judgeStep(
    step: Extract<Step, { kind: 'when' }>,
    schema: string,
    facts: StatementFacts,
  ): Promise<void> {
    for (const sql of [`SELECT (${step.condition})`, ...step.then, ...step.otherwise]) {
      const [statement, ...more] = await parser.parse(sql, schema)
      if (!statement || more.length > 0) refuse('a DO block may hold only simple statements')
      addFacts(facts, judgeStatement(statement.stmt, functions))
    }
  }

  return {
    async plan(sql, schema, hasValues) {
      const key = `${schema} ${hasValues} ${sql}`
      const known = cache.get(key)
      if (known) return known
      const made = await plan(sql, schema, hasValues).catch(asRefusal)
      if (sql.length <= CACHED_CHARACTERS) remember(cache, key, made)
      return made
    },
    close: () => parser.close(),
  }
}

function addFacts(all: StatementFacts, one: StatementFacts): void {
  all.ownIfPresent.push(...one.ownIfPresent)
  all.creates.push(...one.creates)
  all.adds ||= one.adds
  all.touches.push(...one.touches)
}

function remember(cache: Map<string, StatementPlan>, key: string, plan: StatementPlan): void {
  const oldest = cache.size >= CACHED_PLANS ? cache.keys().next().value : undefined
  if (oldest !== undefined) cache.delete(oldest)
  cache.set(key, plan)
}

/** A tree that is too deep for this process is a statement that is not run. */
function asRefusal(error: unknown): never {
  if (error instanceof RangeError) throw new TenonError('STATEMENT_REFUSED', { reason: tooDeep })
  throw error
}

/** The parser counts bytes of UTF-8. */
function slice(sql: string, { stmt_location: start = 0, stmt_len: length }: ParsedStatement): string {
  const bytes = Buffer.from(sql)
  return bytes.toString('utf8', start, length === undefined ? bytes.length : start + length)
}
