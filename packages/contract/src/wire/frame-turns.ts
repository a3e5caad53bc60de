import { createFrameReader, type WireStream, WireViolation } from './frames.js'
import type { TimeShare } from './time-share.js'

/** Less is owed until it has added up: timers are no more exact. */
const shortestRestMs = 1

/** How what arrives is taken, one frame after the other. */
export interface FrameTurns {
  /** Takes nothing more until `resume`, and stops reading: the peer's writes pile up in its own process. */
  pause(): void
  resume(): void
  /** Takes what has arrived, paused or not, however long that takes; for when the peer has ended. */
  flush(): void
  /** Takes nothing more, ever. */
  stop(): void
  /** For how many milliseconds in all it has read nothing because the peer had had its share of time. */
  restedMs(): number
}

/**
 * Takes the bodies of frames from a stream, in turns with everything else that the process does. After a violation
 * nothing more is read; `onViolation` is called once and is expected to end the peer.
 */
export function createFrameTurns(options: {
  stream: WireStream
  /** Largest body of one frame, bytes. */
  maxFrameBytes: number
  /** After so long, frames that have arrived wait for the next turn of the event loop. Default: never. */
  longestTurnMs?: number | undefined
  /** What may be spent on what arrives; beyond it, reading rests. Default: all of the time. */
  share?: TimeShare | undefined
  take: (body: Buffer) => void
  onViolation: (violation: WireViolation) => void
}): FrameTurns {
  const { stream, longestTurnMs = Infinity, share } = options
  const reader = createFrameReader(options.maxFrameBytes)
  let broken = false
  let paused = false
  let over = false
  let nextTurn: NodeJS.Immediate | undefined
  const rest = createRest()

  /** False when there was more than fits into the time. */
  function takeFor(milliseconds: number): boolean {
    const end = performance.now() + milliseconds
    try {
      while (!paused && !broken) {
        const body = reader.next()
        if (!body) return true
        options.take(body)
        if (performance.now() > end) return false
      }
    } catch (error) {
      broken = true
      options.onViolation(error instanceof WireViolation ? error : new WireViolation(String(error)))
    }
    return true
  }

  function takeTurn(): void {
    nextTurn = undefined
    const start = performance.now()
    const isAll = takeFor(longestTurnMs)
    const restMs = share?.spend(performance.now() - start) ?? 0
    if (restMs >= shortestRestMs) {
      stream.pause()
      rest.begin(restMs, takeTurn)
    } else if (!isAll) {
      nextTurn = setImmediate(takeTurn)
      stream.pause()
    } else if (!paused) stream.resume()
  }

  function endTurns(): void {
    clearImmediate(nextTurn)
    nextTurn = undefined
    rest.end()
  }

  stream.on('data', (bytes) => {
    if (broken) return
    reader.push(bytes)
    if (!nextTurn && !rest.isOn()) takeTurn()
  })

  return {
    pause() {
      if (over) return
      paused = true
      stream.pause()
    },
    resume() {
      if (!paused) return
      paused = false
      // What has arrived meanwhile comes before what is read next.
      if (!rest.isOn()) nextTurn ??= setImmediate(takeTurn)
    },
    flush() {
      endTurns()
      over = true
      paused = false
      takeFor(Infinity)
    },
    stop() {
      endTurns()
      broken = true
    },
    restedMs: rest.totalMs,
  }
}

/** A pause of reading that ends by itself. */
function createRest() {
  let timer: NodeJS.Timeout | undefined
  let startedAt = 0
  let endedMs = 0

  function end(): void {
    if (timer) endedMs += performance.now() - startedAt
    clearTimeout(timer)
    timer = undefined
  }

  return {
    end,
    isOn: () => timer !== undefined,
    totalMs: () => endedMs + (timer ? performance.now() - startedAt : 0),
    begin(milliseconds: number, afterwards: () => void): void {
      startedAt = performance.now()
      timer = setTimeout(() => {
        end()
        afterwards()
      }, milliseconds)
    },
  }
}
