import type { RunnerProcess } from './runner-process.js'

export interface WarmPool {
  /** A blank runner that is ready, at once when one is waiting. @throws Error when none can be started. */
  take(): Promise<RunnerProcess>
  readonly size: number
  stop(): void
}

/** Keeps a few blank runners ready, so that a first call does not wait for a process to start. */
export function createWarmPool(options: {
  size: number
  /** Nothing is started before. */
  after: Promise<unknown>
  start: () => RunnerProcess
}): WarmPool {
  const waiting: RunnerProcess[] = []
  let stopped = false
  let refilling: NodeJS.Timeout | undefined

  function refill(): void {
    refilling = undefined
    if (stopped || waiting.length >= options.size) return
    const runner = options.start()
    waiting.push(runner)
    void runner.ended.then(() => remove(runner))
    runner.ready.then(refillSoon, () => undefined)
  }

  /** Not at once: a new process would take the processor from the call that emptied the pool. */
  function refillSoon(): void {
    if (!stopped && waiting.length < options.size) refilling ??= setTimeout(refill, 50).unref()
  }

  function remove(runner: RunnerProcess): void {
    const index = waiting.indexOf(runner)
    if (index >= 0) waiting.splice(index, 1)
  }

  void options.after.then(refill)
  return {
    async take() {
      await options.after
      const warm = waiting.shift()
      refillSoon()
      if (warm?.alive && (await becomesReady(warm))) return warm
      const fresh = options.start()
      await fresh.ready
      return fresh
    },
    get size() {
      return waiting.length
    },
    stop() {
      stopped = true
      clearTimeout(refilling)
      for (const runner of waiting) runner.kill({ kind: 'stopped', text: 'the host is stopping' })
    },
  }
}

const becomesReady = (runner: RunnerProcess) =>
  runner.ready.then(
    () => true,
    () => false,
  )
