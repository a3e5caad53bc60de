import { type QueryClient, useQueryClient } from '@tanstack/react-query'
import { useCallback, useSyncExternalStore } from 'react'
import { createLiveConnection } from '../api/liveConnection.js'
import { openEvents } from '../api/request.js'
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

/** When one page makes room for the next, the last listener goes before the first one comes. */
const lingerMs = 200

const ofClient = new WeakMap<QueryClient, LiveUpdates>()

/** The connection that keeps a cache up to date. */
export function liveUpdatesOf(client: QueryClient): LiveUpdates {
  const known = ofClient.get(client)
  if (known) return known
  const connection = createLiveConnection({
    open: () => openEvents('/plugins/events'),
    names: ['run', 'installations', 'requests'],
    lingerMs,
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
  const made: LiveUpdates = { listen: connection.listen, isOpen: () => connection.state() === 'open' }
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
