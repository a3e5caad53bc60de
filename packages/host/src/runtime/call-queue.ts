import { TenonError } from '@tenon/contract'

interface Line {
  running: number
  waiting: (() => void)[]
}

/** Lets at most `maxRunning` calls of one plugin of one tenant run; the others wait in order. */
export interface CallQueue {
  /**
   * Runs `work` when it is its turn, and tells it whether it had to wait for that.
   * @throws TenonError PLUGIN_OVERLOADED when the line is too long or does not move, CALL_CANCELLED when `signal` fires.
   */
  run<T>(
    key: string,
    plugin: string,
    signal: AbortSignal | undefined,
    work: (hasWaited: boolean) => Promise<T>,
  ): Promise<T>
  /** Calls in the line of a key. */
  lineOf(key: string): LineLength
  readonly waiting: number
}

export interface LineLength {
  running: number
  waiting: number
}

export function createCallQueue(limits: { maxRunning: number; maxWaiting: number; maxWaitMs: number }): CallQueue {
  const lines = new Map<string, Line>()

  function joinLine(key: string): Line {
    const line = lines.get(key) ?? { running: 0, waiting: [] }
    lines.set(key, line)
    return line
  }

  function leave(key: string, line: Line): void {
    line.running--
    line.waiting.shift()?.()
    if (line.running === 0 && line.waiting.length === 0) lines.delete(key)
  }

  async function enter(line: Line, plugin: string, signal: AbortSignal | undefined): Promise<boolean> {
    const mustWait = line.running >= limits.maxRunning
    if (mustWait) {
      if (line.waiting.length >= limits.maxWaiting) throw new TenonError('PLUGIN_OVERLOADED', { plugin })
      await waitForTurn(line.waiting, limits.maxWaitMs, signal, () => new TenonError('PLUGIN_OVERLOADED', { plugin }))
    }
    line.running++
    return mustWait
  }

  return {
    async run(key, plugin, signal, work) {
      if (signal?.aborted) throw new TenonError('CALL_CANCELLED')
      const line = joinLine(key)
      const hasWaited = await enter(line, plugin, signal)
      try {
        return await work(hasWaited)
      } finally {
        leave(key, line)
      }
    },
    lineOf(key) {
      const line = lines.get(key)
      return { running: line?.running ?? 0, waiting: line?.waiting.length ?? 0 }
    },
    get waiting() {
      return [...lines.values()].reduce((sum, line) => sum + line.waiting.length, 0)
    },
  }
}

/** Waits until somebody calls the entry that is put into `line`; leaves the line on time-out and on abort. */
export function waitForTurn(
  line: (() => void)[],
  maxWaitMs: number,
  signal: AbortSignal | undefined,
  tooLong: () => Error,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (error: Error) => {
      const index = line.indexOf(turn)
      if (index >= 0) line.splice(index, 1)
      tidy()
      reject(error)
    }
    const timer = setTimeout(() => leave(tooLong()), maxWaitMs)
    const abort = () => leave(new TenonError('CALL_CANCELLED'))
    const tidy = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const turn = () => (tidy(), resolve())
    signal?.addEventListener('abort', abort, { once: true })
    line.push(turn)
  })
}
