import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useCallback, useSyncExternalStore } from 'react'
import { type EventStream, openEvents } from '../api/request.js'
import type { PluginInstallation } from '../plugins/types.js'
import { refreshRequests } from '../requests/requestCache.js'
import type { Run } from './run.repository.js'
import { absorbInstallations, absorbNews, refreshUnfinished } from './runCache.js'

/** The one connection of an application over which it hears of runs, installations and requests. */
export interface LiveUpdates {
  /** Keeps the connection open until the answer is called. `changed` is told when it opens or breaks. */
  listen(changed?: () => void): () => void
  isOpen(): boolean
}

interface LiveUpdatesOptions {
  open: () => EventStream
  onEvent: (name: LiveEventName, data: unknown) => void
  /** Told when news may have been missed. */
  onGap: () => void
  retryMs?: number
}

const eventNames = ['run', 'installations', 'requests'] as const
type LiveEventName = (typeof eventNames)[number]

/** A refusal, such as too many streams of one organization, is not an interruption: it is asked less and less often. */
const firstRetryMs = 3_000
const longestRetryMs = 60_000
/** When one page makes room for the next, the last listener goes before the first one comes. */
const lingerMs = 200

/**
 * Opens the stream when the first listens, closes it when the last has gone. After an interruption the browser connects
 * again with Last-Event-ID; after a refusal this does. A page that nobody sees gives its connection back, because a
 * browser has only six for a server.
 */
export function createLiveUpdates({ open, onEvent, onGap, retryMs = firstRetryMs }: LiveUpdatesOptions): LiveUpdates {
  const listeners = new Set<() => void>()
  let source: EventStream | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let leaving: ReturnType<typeof setTimeout> | undefined
  let refusals = 0
  let isOpen = false
  let wasOpen = false

  function tell(now: boolean): void {
    if (isOpen === now) return
    isOpen = now
    listeners.forEach((changed) => changed())
  }

  function connect(): void {
    if (source || listeners.size === 0 || isHidden()) return
    try {
      source = open()
    } catch {
      // Without server-sent events the queries look again and again.
      return
    }
    source.addEventListener('open', () => {
      // The first one brings only what comes from now on; one that the browser took up again brings what was missed.
      if (!wasOpen) onGap()
      wasOpen = true
      refusals = 0
      tell(true)
    })
    source.addEventListener('error', () => {
      tell(false)
      if (source?.readyState === closedState) connectLater()
    })
    for (const name of eventNames) {
      source.addEventListener(name, ({ data }: MessageEvent<string>) => onEvent(name, JSON.parse(data)))
    }
  }

  function connectLater(): void {
    disconnect()
    timer = setTimeout(connect, Math.min(longestRetryMs, retryMs * 2 ** refusals))
    refusals += 1
  }

  function disconnect(): void {
    clearTimeout(timer)
    source?.close()
    source = undefined
    wasOpen = false
    tell(false)
  }

  function leave(): void {
    document.removeEventListener('visibilitychange', look)
    disconnect()
  }

  const look = () => (isHidden() ? disconnect() : connect())

  return {
    isOpen: () => isOpen,
    listen(changed = () => undefined) {
      const listener = () => changed()
      clearTimeout(leaving)
      document.addEventListener('visibilitychange', look)
      listeners.add(listener)
      connect()
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0) leaving = setTimeout(leave, lingerMs)
      }
    },
  }
}

/** `EventSource.CLOSED`, which a browser without them does not have. */
const closedState = 2

const isHidden = (): boolean => document.visibilityState === 'hidden'

const ofClient = new WeakMap<QueryClient, LiveUpdates>()

/** The connection that keeps a cache up to date. */
export function liveUpdatesOf(client: QueryClient): LiveUpdates {
  const known = ofClient.get(client)
  if (known) return known
  const made = createLiveUpdates({
    open: () => openEvents('/plugins/events'),
    onEvent(name, data) {
      if (name === 'run') absorbNews(client, data as Run)
      else if (name === 'installations') absorbInstallations(client, data as PluginInstallation[])
      else void refreshRequests(client)
    },
    onGap() {
      refreshUnfinished(client)
      void refreshRequests(client)
    },
  })
  ofClient.set(client, made)
  return made
}

/**
 * Keeps what is shown of runs, installations and requests up to date as long as a component is on the page. All components share
 * one connection, which closes with the last of them.
 *
 * @returns whether the connection is open; while it is not, runs that are under way are asked for again and again
 * @example const isLive = useLiveUpdates()
 * @since 0.1.0
 */
export function useLiveUpdates(isWanted = true): boolean {
  const client = useQueryClient()
  const live = liveUpdatesOf(client)
  const subscribe = useCallback(
    (changed: () => void) => (isWanted ? live.listen(changed) : () => undefined),
    [live, isWanted],
  )
  return useSyncExternalStore(subscribe, live.isOpen, () => false)
}
