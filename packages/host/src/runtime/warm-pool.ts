import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import type { RunnerProcess } from './runner-process.js'

export interface WarmPool {
  /** A blank runner that is ready, at once when one is waiting. @throws Error when none can be started. */
  take(): Promise<RunnerProcess>
  readonly size: number
  stop(): void
}

/** A start that takes longer than usual does not keep the next one waiting. */
const longestTurnMs = 1_000

/** Keeps a few blank runners ready, so that a first call does not wait for a process to start. */
export function createWarmPool(options: {
  size: number
  /** Nothing is started before. */
  after: Promise<unknown>
  start: () => Promise<RunnerProcess>
}): WarmPool {
  const waiting: RunnerProcess[] = []
  /** A start takes a whole processor: when many crash at once, half of them stay for those that work. */
  const inTurn = pLimit(Math.max(1, Math.floor(availableParallelism() / 2)))
  let stopped = false
  let refilling: NodeJS.Timeout | undefined

  /** Resolves when the runner is ready or has ended, and is handed over before. */
  function start(handOver: (runner: RunnerProcess) => void): Promise<boolean> {
    return inTurn(async () => {
      if (stopped) throw new Error('the host is stopping')
      const runner = await options.start()
      handOver(runner)
      return Promise.race([becomesReady(runner), sleep(longestTurnMs, false, { ref: false })])
    })
  }

  async function refill(): Promise<void> {
    const isReady = await start(keep).catch(() => false)
    refilling = undefined
    if (isReady) refillSoon()
  }

  /** Not at once: a new process would take the processor from the call that emptied the pool. */
  function refillSoon(pauseMs = 50): void {
    if (!stopped && waiting.length < options.size) refilling ??= setTimeout(() => void refill(), pauseMs).unref()
  }

  function keep(runner: RunnerProcess): void {
    waiting.push(runner)
    void runner.ended.then(() => forget(runner))
    // For a start that took longer than its turn: nobody waits for it any more.
    void becomesReady(runner).then((isReady) => isReady && refillSoon())
  }

  function forget(runner: RunnerProcess): void {
    const index = waiting.indexOf(runner)
    if (index >= 0) waiting.splice(index, 1)
  }

  async function takeFresh(): Promise<RunnerProcess> {
    const fresh = await new Promise<RunnerProcess>((resolve, reject) => void start(resolve).catch(reject))
    await fresh.ready
    return fresh
  }

  void options.after.then(() => refillSoon(0))
  return {
    async take() {
      await options.after
      const warm = waiting.shift()
      refillSoon()
      return warm?.alive && (await becomesReady(warm)) ? warm : takeFresh()
    },
    get size() {
      return waiting.length
    },
    stop() {
      stopped = true
      clearTimeout(refilling)
      for (const runner of waiting) runner.kill({ kind: 'host-stop', text: 'the host is stopping' })
    },
  }
}

const becomesReady = (runner: RunnerProcess) =>
  runner.ready.then(
    () => true,
    () => false,
  )
