import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { maxTreeLevels, type ParseNode } from './parse-tree.js'

/** `statements`: a list of them. `block`: the PL/pgSQL of one DO statement. */
export type ParseKind = 'statements' | 'block'

/** What comes of a text. `broken`: the parser did not survive it, or was not done in time, and reads nothing after it. */
export type ParserAnswer = { tree: ParseNode } | { failure: ParserFailure } | { broken: 'depth' | 'size' | 'time' }

/** Trees come as texts: they can be too deep to be copied from one thread to another, which is then told to nobody. */
type ThreadAnswer = Exclude<ParserAnswer, { tree: ParseNode }> | { json: string } | { refused: 'depth' | 'size' }

/** What the parser says of a text that is not SQL. */
export interface ParserFailure {
  message: string
  /** Characters from the start of the text, from 0. */
  position?: number
}

export interface ParserThread {
  parse(kind: ParseKind, sql: string, asker: string): Promise<ParserAnswer>
  stop(): Promise<void>
}

interface Job {
  kind: ParseKind
  sql: string
  resolve(answer: ParserAnswer): void
}

/**
 * One text at a time, and the askers take turns: a plugin that sends nothing but monstrous texts delays the others by
 * one of them. What a thread does not survive ends with it: the next text gets a new one.
 *
 * @param parseMs what is not read after so long is broken off
 * @param turnMs the same, for when others wait
 * @param maxTreeCharacters of a tree as a text; the thread could make hundreds of millions
 */
export function createParserThread({
  parseMs,
  turnMs = parseMs,
  maxTreeCharacters,
}: {
  parseMs: number
  turnMs?: number
  maxTreeCharacters: number
}): ParserThread {
  const waiting = new Map<string, Job[]>()
  let worker: Worker | undefined
  let running: { job: Job; timer: NodeJS.Timeout; turn?: NodeJS.Timeout; isLate?: true } | undefined

  function startNext(): void {
    if (running) return
    const [asker, jobs] = waiting.entries().next().value ?? []
    const job = jobs?.shift()
    if (asker === undefined || !jobs || !job) return
    waiting.delete(asker)
    if (jobs.length > 0) waiting.set(asker, jobs)
    worker ??= startWorker()
    running = { job, timer: setTimeout(endLate, parseMs) }
    worker.postMessage({ kind: job.kind, sql: job.sql })
  }

  /** From when it is being read: a thread takes its time to start. */
  function beginTurn(): void {
    if (!running) return
    running.turn = setTimeout(() => (waiting.size > 0 ? endLate() : beginTurn()), turnMs)
  }

  function endLate(): void {
    if (running) running.isLate = true
    void worker?.terminate()
  }

  function finish(answer: ParserAnswer): void {
    const finished = running
    running = undefined
    clearTimeout(finished?.timer)
    clearTimeout(finished?.turn)
    finished?.job.resolve(answer)
    startNext()
  }

  function startWorker(): Worker {
    const library = createRequire(import.meta.url).resolve('libpg-query')
    const started = new Worker(THREAD_SOURCE, {
      eval: true,
      workerData: { library, maxCharacters: maxTreeCharacters, maxLevels: maxTreeLevels },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
      env: {},
    })
    started.unref()
    const isOver = () => {
      if (worker !== started) return
      worker = undefined
      finish({ broken: running?.isLate ? 'time' : 'size' })
    }
    started.on('message', (answer: ThreadAnswer | 'begun') => {
      if (worker !== started) return
      if (answer === 'begun') return beginTurn()
      if ('broken' in answer) {
        worker = undefined
        void started.terminate()
      }
      finish(toParserAnswer(answer))
    })
    started.on('error', () => {})
    started.on('exit', isOver)
    return started
  }

  return {
    parse: (kind, sql, asker) =>
      new Promise((resolve) => {
        waiting.set(asker, [...(waiting.get(asker) ?? []), { kind, sql, resolve }])
        startNext()
      }),
    async stop() {
      await worker?.terminate()
    },
  }
}

function toParserAnswer(answer: ThreadAnswer): ParserAnswer {
  if ('refused' in answer) return { broken: answer.refused }
  return 'json' in answer ? { tree: JSON.parse(answer.json) as ParseNode } : answer
}

// Plain JavaScript in a text, because a thread cannot be started from TypeScript sources.
const THREAD_SOURCE = `
const { parentPort, workerData } = require('node:worker_threads')
const { loadModule, parsePlPgSQLSync, parseSync } = require(workerData.library)
const isConstant = (node) =>
  node.A_Const !== undefined || node.SetToDefault !== undefined || node.ParamRef !== undefined
const isConstantRow = (row) => row.List !== undefined && (row.List.items ?? []).every(isConstant)
// Leaves out the constants; false for a tree that is too deep.
const trim = (tree) => {
  let level = [tree]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > workerData.maxLevels) return false
    const next = []
    for (const node of level) {
      if (Array.isArray(node.valuesLists)) node.valuesLists = node.valuesLists.filter((row) => !isConstantRow(row))
      for (const child of Object.values(node)) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return true
}
const ready = loadModule()
const read = (kind, sql) => {
  const tree = kind === 'block' ? parsePlPgSQLSync(sql) : (parseSync(sql).stmts ?? [])
  const parts = kind === 'block' ? [tree] : tree.map(({ stmt }) => stmt)
  if (!parts.every(trim)) return { refused: 'depth' }
  const json = JSON.stringify(tree)
  return json.length > workerData.maxCharacters ? { refused: 'size' } : { json }
}
parentPort.on('message', async ({ kind, sql }) => {
  await ready
  parentPort.postMessage('begun')
  try {
    parentPort.postMessage(read(kind, sql))
  } catch (error) {
    const { name, message, sqlDetails } = error
    if (name === 'RangeError') parentPort.postMessage({ broken: 'depth' })
    else if (sqlDetails === undefined && name !== 'Error') parentPort.postMessage({ broken: 'size' })
    else parentPort.postMessage({ failure: { message, position: sqlDetails?.cursorPosition } })
  }
})`
