import { readFileSync } from 'node:fs'
import { changePriority, openSession } from '@tenon/runner'
import type { RuntimeLimits } from './limits.js'

/** Whether a process gives way to others while it computes. */
export interface Courtesy {
  /** To be called when a call begins. */
  watch(): void
  stop(): void
}

/** Of the time in which it had a processor or wanted none. Whatever waits for a database or a network is far below it. */
const computingPart = 0.8
/** What can be told from less than that is chance. */
const leastMs = 5

/** In ms. */
interface ProcessorTime {
  taken: number
  /** It could have gone on, and others had the processors. */
  denied: number
}

/**
 * Makes a process nicer while its calls keep a processor busy, and as nice as before afterwards. Beside one that computes
 * without end, whatever needs the processor for a moment would wait for it several times in a call, for milliseconds.
 *
 * @param options.leader of its session; to be watched before it seals itself
 * @param options.idOf where the plugin runs; 0 while that is not known
 */
export function createCourtesy(options: {
  leader: number
  idOf: () => number
  hasCalls: () => boolean
  limits: Pick<RuntimeLimits, 'niceness' | 'computingNiceness' | 'computingMs'>
}): Courtesy {
  const { idOf, hasCalls, limits } = options
  const session = openSession(options.leader)
  let timer: NodeJS.Timeout | undefined
  let last: (ProcessorTime & { at: number }) | undefined
  let isNicer = false

  function look(): void {
    timer = undefined
    if (!hasCalls() && !isNicer) return
    const time = processorTimeOf(idOf())
    // Ended, or this kernel does not count it.
    if (!time) return
    const now = { ...time, at: performance.now() }
    const taken = now.taken - (last?.taken ?? now.taken)
    const free = last ? now.at - last.at - (now.denied - last.denied) : 0
    if (free >= leastMs) become(taken >= computingPart * free)
    last = now
    lookLater()
  }

  function become(nicer: boolean): void {
    if (nicer === isNicer) return
    isNicer = nicer
    const niceness = nicer ? limits.computingNiceness : limits.niceness
    changePriority(idOf(), niceness)
    void session.setNiceness(niceness)
  }

  function lookLater(): void {
    timer = setTimeout(look, limits.computingMs).unref()
  }

  return {
    watch() {
      if (timer || process.platform !== 'linux') return
      last = undefined
      lookLater()
    },
    stop() {
      clearTimeout(timer)
      session.close()
    },
  }
}

/** Of the thread that runs JavaScript: the first two figures of its `schedstat`, in ns. */
function processorTimeOf(pid: number): ProcessorTime | undefined {
  try {
    const [taken = 0, denied = 0] = readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')
    return { taken: Number(taken) / 1e6, denied: Number(denied) / 1e6 }
  } catch {
    return undefined
  }
}
