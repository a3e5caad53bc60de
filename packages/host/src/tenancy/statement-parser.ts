import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'

/** A node of the parser's tree: one key that names its type, or plain fields. */
export type ParseNode = Record<string, unknown>

export interface ParsedStatement {
  stmt: ParseNode
  /** Bytes, not characters. Absent at the start of the text. */
  stmt_location?: number
  stmt_len?: number
}

export interface StatementParser {
  /** @throws an error that looks like Postgres's own when the text is not SQL. */
  parse(sql: string, asker: string): Promise<ParsedStatement[]>
  /** The same at once and on this thread, for what is known to be short. */
  parseHere(sql: string): ParsedStatement[]
  /** The PL/pgSQL of a DO statement. */
  parseBlock(sql: string): ParseNode
  close(): Promise<void>
}

// 16 kB take under a millisecond; a megabyte takes 200, which other requests would wait for.
const INLINE_CHARACTERS = 16_384

/**
 * The parser of Postgres itself. Long texts go to a worker thread, which also leaves out the constants of long VALUES
 * lists: there is nothing in them to judge, and they are what makes such a tree large.
 */
export async function createStatementParser({ parseMs }: { parseMs: number }): Promise<StatementParser> {
  await loadModule()
  const thread = createParserThread(parseMs)

  return {
    async parse(sql, asker) {
      return sql.length <= INLINE_CHARACTERS ? parseHere(sql) : thread.parse(sql, asker)
    },
    parseHere,
    parseBlock: (sql) => rethrowAsSyntaxError(() => parsePlPgSQLSync(sql) as unknown as ParseNode),
    close: () => thread.stop(),
  }
}

function parseHere(sql: string): ParsedStatement[] {
  // The library takes an empty text for a mistake; the server does not.
  if (sql.trim() === '') return []
  return rethrowAsSyntaxError(() => (parseSync(sql).stmts ?? []) as unknown as ParsedStatement[])
}

function rethrowAsSyntaxError<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw syntaxError(error as ParserFailure)
  }
}

interface ParserFailure {
  message: string
  sqlDetails?: { cursorPosition: number } | undefined
}

/** What the server would have said. A text that only one of the two parsers takes must not reach the other. */
function syntaxError({ message, sqlDetails }: ParserFailure): Error {
  const position = sqlDetails ? { position: String(sqlDetails.cursorPosition + 1) } : {}
  return Object.assign(new Error(message), { code: '42601', severity: 'ERROR', ...position })
}

interface ParserThread {
  parse(sql: string, asker: string): Promise<ParsedStatement[]>
  stop(): Promise<void>
}

interface Job {
  sql: string
  resolve(stmts: ParsedStatement[]): void
  reject(error: Error): void
}

type Answer = { stmts: ParsedStatement[] } | { failure: ParserFailure }

/**
 * One text at a time, and the askers take turns: a plugin that sends nothing but monstrous texts delays the others by
 * one of them. A text that the thread does not survive is refused; the next gets a new thread.
 */
function createParserThread(parseMs: number): ParserThread {
  const waiting = new Map<string, Job[]>()
  let worker: Worker | undefined
  let running: { job: Job; timer: NodeJS.Timeout } | undefined

  function startNext(): void {
    const [asker, jobs] = waiting.entries().next().value ?? []
    const job = running ? undefined : jobs?.shift()
    if (asker === undefined || !jobs || !job) return
    waiting.delete(asker)
    if (jobs.length > 0) waiting.set(asker, jobs)
    worker ??= startWorker()
    running = { job, timer: setTimeout(() => void worker?.terminate(), parseMs) }
    worker.postMessage(job.sql)
  }

  function finish(answer: Answer): void {
    const finished = running
    running = undefined
    clearTimeout(finished?.timer)
    if ('failure' in answer) finished?.job.reject(syntaxError(answer.failure))
    else finished?.job.resolve(answer.stmts)
    startNext()
  }

  function startWorker(): Worker {
    const library = createRequire(import.meta.url).resolve('libpg-query')
    const started = new Worker(THREAD_SOURCE, {
      eval: true,
      workerData: { library },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
      env: {},
    })
    started.unref()
    started.on('message', finish)
    started.on('error', () => {})
    started.on('exit', () => {
      worker = undefined
      finish({ failure: { message: 'this statement is too large to be read' } })
    })
    return started
  }

  return {
    parse: (sql, asker) =>
      new Promise((resolve, reject) => {
        waiting.set(asker, [...(waiting.get(asker) ?? []), { sql, resolve, reject }])
        startNext()
      }),
    async stop() {
      await worker?.terminate()
    },
  }
}

// Plain JavaScript in a text, because a thread cannot be started from TypeScript sources.
const THREAD_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads')
const { loadModule, parseSync } = require(workerData.library)
const isConstant = (node) =>
  node.A_Const !== undefined || node.SetToDefault !== undefined || node.ParamRef !== undefined
const isConstantRow = (row) => row.List !== undefined && (row.List.items ?? []).every(isConstant)
const withoutConstants = (key, value) =>
  key === 'valuesLists' && Array.isArray(value) ? value.filter((row) => !isConstantRow(row)) : value
const ready = loadModule()
parentPort.on('message', async (sql) => {
  await ready
  try {
    const stmts = JSON.parse(JSON.stringify(parseSync(sql).stmts ?? [], withoutConstants))
    parentPort.postMessage({ stmts })
  } catch (error) {
    parentPort.postMessage({ failure: { message: String(error.message), sqlDetails: error.sqlDetails } })
  }
})`
