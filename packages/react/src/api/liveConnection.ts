import type { EventStream } from './request.js'

/** `broken` after an interruption or a refusal, until it is open again. */
export type LiveState = 'closed' | 'open' | 'broken'

/** A connection over which a page is told what happens, for as long as somebody listens. */
export interface LiveConnection {
  /** Keeps it open until the answer is called. `changed` is told when its state is another one. */
  listen(changed?: () => void): () => void
  state(): LiveState
}

interface LiveConnectionOptions<Name extends string> {
  /** Called for each attempt, so that the address may say what is known by then. */
  open: () => EventStream
  /** Of the events that are listened to. */
  names: readonly Name[]
  onEvent: (name: Name, data: unknown) => void
  /** Told when news may have been missed. */
  onGap?: () => void
  retryMs?: number
  /** How long it stays open without a listener. */
  lingerMs?: number
}

/** A refusal, such as too many streams of one organization, is not an interruption: it is asked less and less often. */
const firstRetryMs = 3_000
const longestRetryMs = 60_000

/**
 * Opens the stream when the first listens, closes it when the last has gone. After an interruption the browser connects
 * again with Last-Event-ID; after a refusal this does. A page that nobody sees gives its connection back, because a
 * browser has only six for a server.
 */
export function createLiveConnection<Name extends string>({
  open,
  names,
  onEvent,
  onGap,
  retryMs = firstRetryMs,
  lingerMs = 0,
}: LiveConnectionOptions<Name>): LiveConnection {
  const listeners = new Set<() => void>()
  let source: EventStream | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let leaving: ReturnType<typeof setTimeout> | undefined
  let refusals = 0
  let state: LiveState = 'closed'
  let wasOpen = false

  function tell(next: LiveState): void {
    if (state === next) return
    state = next
    listeners.forEach((changed) => changed())
  }

  function connect(): void {
    if (source || listeners.size === 0 || isHidden()) return
    try {
      source = open()
    } catch {
      // Without server-sent events there is nothing to wait for.
      return tell('broken')
    }
    source.addEventListener('open', () => {
      // The first one brings only what comes from now on; one that the browser took up again brings what was missed.
      if (!wasOpen) onGap?.()
      wasOpen = true
      refusals = 0
      tell('open')
    })
    source.addEventListener('error', () => {
      tell('broken')
      if (source?.readyState === closedState) connectLater()
    })
    for (const name of names) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => onEvent(name, JSON.parse(data)))
    }
  }

  function connectLater(): void {
    forget()
    timer = setTimeout(connect, Math.min(longestRetryMs, retryMs * 2 ** refusals))
    refusals += 1
  }

  function forget(): void {
    clearTimeout(timer)
    source?.close()
    source = undefined
    wasOpen = false
  }

  function disconnect(): void {
    forget()
    tell('closed')
  }

  function leave(): void {
    stopLooking()
    disconnect()
  }

  const look = () => (isHidden() ? disconnect() : connect())

  // Kept from when somebody listened: by the time it is left, the document may be gone with its window.
  let stopLooking = (): void => undefined

  return {
    state: () => state,
    listen(changed = () => undefined) {
      const listener = () => changed()
      clearTimeout(leaving)
      const { document } = globalThis
      document.addEventListener('visibilitychange', look)
      stopLooking = () => document.removeEventListener('visibilitychange', look)
      listeners.add(listener)
      connect()
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        if (lingerMs > 0) leaving = setTimeout(leave, lingerMs)
        else leave()
      }
    },
  }
}

/** `EventSource.CLOSED`, which a browser without them does not have. */
const closedState = 2

const isHidden = (): boolean => document.visibilityState === 'hidden'
