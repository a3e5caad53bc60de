import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FromThread } from './answer-questions.js'

/** What came of a question. `late`: it took longer than it may. `died`: the thread did not survive it. `unasked`: nobody asked. */
export type Outcome<Answer> =
  | { answer: Answer; ms: number }
  | { failure: 'late'; ms: number; isStarved: boolean }
  | { failure: 'died'; ms: number; error: Error | undefined }
  | { failure: 'unasked' }

export interface AskedThread<Question, Answer> {
  /**
   * @param asker askers take turns, whatever each of them asks
   * @param isWanted asked when it is the question's turn
   * @throws Error when the thread cannot be started
   */
  ask(question: Question, asker: string, isWanted?: () => boolean): Promise<Outcome<Answer>>
  /** Nothing is answered from now on. */
  stop(): Promise<void>
}

interface AskedThreadOptions<Answer> {
  /** One of those that `bundle.mjs` makes; it answers with `answerQuestions`. */
  script: 'parser-worker' | 'schema-worker'
  /** A question that is not answered so long after it was begun ends the thread. */
  answerMs: number
  /** The same, for when others wait. Default: no shorter. */
  turnMs?: number
  /** Of its JavaScript heap. */
  memoryMb: number
  /** Whether the thread is of no use after an answer. */
  isSpent?: (answer: Answer) => boolean
}

interface Job<Question, Answer> {
  question: Question
  isWanted: () => boolean
  resolve(outcome: Outcome<Answer>): void
  reject(error: Error): void
}

interface Running<Question, Answer> {
  job: Job<Question, Answer>
  timer: NodeJS.Timeout
  turn?: NodeJS.Timeout
  /** When the thread began with it, and the processor time of the process by then. */
  begun?: { at: number; cpu: NodeJS.CpuUsage }
  isLate?: true
  error?: Error
}

/** Until a thread that was asked begins. It takes a twentieth of a second, and longer where nothing is left to take. */
const START_MS = 30_000
/** A thread that was late has hardly worked when the process had less of the processor than this part of the time. */
const BUSY_PART = 0.5

/**
 * A thread for what a stranger's text may make long, large or fatal. It works on one question at a time, and is started
 * when there is one; what it does not survive, or is late with, ends it, and the next question gets a new one. It does not
 * keep the process alive.
 */
export function createAskedThread<Question, Answer>({
  script,
  answerMs,
  turnMs = answerMs,
  memoryMb,
  isSpent = () => false,
}: AskedThreadOptions<Answer>): AskedThread<Question, Answer> {
  const waiting = new Map<string, Job<Question, Answer>[]>()
  let worker: Worker | undefined
  let running: Running<Question, Answer> | undefined
  /** Whose question was the last. */
  let served: string | undefined
  let isStopped = false

  function takeNext(): Job<Question, Answer> | undefined {
    const [first, second] = waiting.keys()
    const asker = first === served ? (second ?? first) : first
    const jobs = asker === undefined ? undefined : waiting.get(asker)
    if (asker === undefined || !jobs) return undefined
    const job = jobs.shift()
    waiting.delete(asker)
    if (jobs.length > 0) waiting.set(asker, jobs)
    served = asker
    return job
  }

  function startNext(): void {
    while (!running) {
      const job = takeNext()
      if (!job) return
      if (isStopped || !job.isWanted()) job.resolve({ failure: 'unasked' })
      else {
        worker ??= startWorker()
        running = { job, timer: setTimeout(endLate, START_MS) }
        worker.postMessage(job.question)
      }
    }
  }

  function begin(): void {
    if (!running) return
    clearTimeout(running.timer)
    running.begun = { at: performance.now(), cpu: process.cpuUsage() }
    running.timer = setTimeout(endLate, answerMs)
    if (turnMs < answerMs) beginTurn()
  }

  function beginTurn(): void {
    if (!running) return
    running.turn = setTimeout(() => (waiting.size > 0 ? endLate() : beginTurn()), turnMs)
  }

  function endLate(): void {
    const late = running
    // Where the process itself came too late to this, the answer may lie there already.
    setImmediate(() => {
      if (!late || running !== late) return
      late.isLate = true
      void worker?.terminate()
    })
  }

  function finish(settle: (finished: Running<Question, Answer>) => void): void {
    const finished = running
    running = undefined
    if (finished) {
      clearTimeout(finished.timer)
      clearTimeout(finished.turn)
      settle(finished)
    }
    // Who asked has a look at the outcome before anybody else's turn
    queueMicrotask(startNext)
  }

  function startWorker(): Worker {
    const started = new Worker(fileURLToPath(new URL(`../../dist/${script}.cjs`, import.meta.url)), {
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
    })
    started.unref()
    started.on('message', (message: FromThread<Answer>) => {
      if (worker !== started) return
      if (message === 'begun') return begin()
      if (isSpent(message.answer)) {
        worker = undefined
        void started.terminate()
      }
      finish(({ job }) => job.resolve(message))
    })
    started.on('error', (error: Error) => {
      if (running && worker === started) running.error = error
    })
    started.on('exit', () => {
      if (worker !== started) return
      worker = undefined
      finish(settleEnded)
    })
    return started
  }

  return {
    ask: (question, asker, isWanted = () => true) =>
      new Promise((resolve, reject) => {
        waiting.set(asker, [...(waiting.get(asker) ?? []), { question, isWanted, resolve, reject }])
        startNext()
      }),
    async stop() {
      isStopped = true
      await worker?.terminate()
      startNext()
    },
  }
}

/** For what was asked of a thread that has ended. */
function settleEnded<Question, Answer>({ job, begun, isLate, error }: Running<Question, Answer>): void {
  if (!begun) return job.reject(new Error('A thread for what strangers write could not be started.', { cause: error }))
  const ms = performance.now() - begun.at
  if (!isLate) return job.resolve({ failure: 'died', ms, error })
  const { user, system } = process.cpuUsage(begun.cpu)
  job.resolve({ failure: 'late', ms, isStarved: (user + system) / 1_000 < ms * BUSY_PART })
}
