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
  parse(sql: string): Promise<ParsedStatement[]>
  /** The same at once and on this thread, for what is known to be short. */
  parseHere(sql: string): ParsedStatement[]
  /** The PL/pgSQL of a DO statement. */
  parseBlock(sql: string): ParseNode
  close(): Promise<void>
}

// 16 kB take under a millisecond; a megabyte takes 200, which other requests would wait for.
const INLINE_CHARACTERS = 16_384
const WORKER_TIMEOUT_MS = 5_000

/**
 * The parser of Postgres itself. Long texts go to a worker thread, which also leaves out the constants of long VALUES
 * lists: there is nothing in them to judge, and they are what makes such a tree large.
 */
export async function createStatementParser(): Promise<StatementParser> {
  await loadModule()
  let thread: ParserThread | undefined

  return {
    async parse(sql) {
      if (sql.length <= INLINE_CHARACTERS) return parseHere(sql)
      if (!thread?.alive) thread = startThread()
      return thread.parse(sql)
    },
    parseHere,
    parseBlock: (sql) => rethrowAsSyntaxError(() => parsePlPgSQLSync(sql) as unknown as ParseNode),
    async close() {
      await thread?.stop()
      thread = undefined
    },
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
  readonly alive: boolean
  parse(sql: string): Promise<ParsedStatement[]>
  stop(): Promise<void>
}

type Answer = { id: number; stmts: ParsedStatement[] } | { id: number; failure: ParserFailure }

function startThread(): ParserThread {
  const library = createRequire(import.meta.url).resolve('libpg-query')
  const worker = new Worker(THREAD_SOURCE, {
    eval: true,
    workerData: { library },
    resourceLimits: { maxOldGenerationSizeMb: 512 },
    env: {},
  })
  worker.unref()
  const waiting = new Map<number, { resolve(stmts: ParsedStatement[]): void; reject(error: Error): void }>()
  let alive = true
  let counter = 0

  worker.on('message', (answer: Answer) => {
    const waiter = waiting.get(answer.id)
    waiting.delete(answer.id)
    if ('failure' in answer) waiter?.reject(syntaxError(answer.failure))
    else waiter?.resolve(answer.stmts)
  })
  const die = () => {
    alive = false
    for (const waiter of waiting.values()) waiter.reject(syntaxError({ message: 'this statement cannot be read' }))
    waiting.clear()
  }
  worker.on('error', die)
  worker.on('exit', die)

  return {
    get alive() {
      return alive
    },
    parse(sql) {
      const id = ++counter
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => void worker.terminate(), WORKER_TIMEOUT_MS)
        waiting.set(id, {
          resolve: (stmts) => (clearTimeout(timer), resolve(stmts)),
          reject: (error) => (clearTimeout(timer), reject(error)),
        })
        worker.postMessage({ id, sql })
      })
    },
    async stop() {
      await worker.terminate()
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
parentPort.on('message', async ({ id, sql }) => {
  await ready
  try {
    const stmts = JSON.parse(JSON.stringify(parseSync(sql).stmts ?? [], withoutConstants))
    parentPort.postMessage({ id, stmts })
  } catch (error) {
    parentPort.postMessage({ id, failure: { message: String(error.message), sqlDetails: error.sqlDetails } })
  }
})`
