import { closeSync, openSync, readSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How long the event loop of this process was held while it was watched, in milliseconds. */
export interface EventLoopReport {
  /** The longest time between two turns, as `monitorEventLoopDelay` saw it. */
  longestMs: number
  /**
   * The longest such time without the part in which the thread was ready to run and the kernel gave the processor to
   * somebody else. Absent where the kernel does not tell (it does on Linux).
   */
  heldMs?: number
}

const resolutionMs = 1
/** Shorter times between two turns are how a loop works. */
const noticedMs = 5

/** Watches the event loop of this process until it is asked for the result. */
export function watchEventLoop(): () => Promise<EventLoopReport> {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  const waiting = openProcessorWait()
  let heldMs = 0
  let last = performance.now()
  let lastWait = waiting?.readMs() ?? 0
  const timer = setInterval(turn, resolutionMs)
  histogram.enable()

  function turn(): void {
    const now = performance.now()
    const wait = waiting?.readMs() ?? 0
    if (now - last > noticedMs) heldMs = Math.max(heldMs, now - last - (wait - lastWait))
    last = now
    lastWait = wait
  }

  return async () => {
    // What blocked until now is seen by the turn that comes next.
    await new Promise((resolve) => setTimeout(resolve, 5 * resolutionMs))
    turn()
    clearInterval(timer)
    histogram.disable()
    waiting?.close()
    return { longestMs: histogram.max / 1e6, ...(waiting ? { heldMs } : {}) }
  }
}

/** How long the main thread of this process has waited for a processor so far. */
function openProcessorWait(): { readMs(): number; close(): void } | undefined {
  const file = openOrUndefined('/proc/self/schedstat')
  if (file === undefined) return undefined
  const text = Buffer.alloc(100)
  return {
    readMs() {
      const length = readSync(file, text, 0, text.length, 0)
      const [, waitNs] = text.toString('latin1', 0, length).split(' ')
      return Number(waitNs) / 1e6
    },
    close: () => closeSync(file),
  }
}

function openOrUndefined(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch {
    return undefined
  }
}
