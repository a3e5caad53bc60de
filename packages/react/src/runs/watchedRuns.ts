import { useEffect, useSyncExternalStore } from 'react'

/**
 * Runs whose end this person wants to hear of, wherever in the application they are then: those that they began here, or
 * looked at while they were under way. Kept for the browser's tab, so that it survives a reload.
 */
const storageKey = 'tenon.watched-runs'
/** More than this is a loop of somebody's; the oldest are forgotten. */
const mostWatched = 20

const listeners = new Set<() => void>()
const shown = new Map<string, number>()
let watched: readonly string[] = read()

/**
 * From now on the end of a run is told to `useRunOutcomes`.
 *
 * @example watchRun(runId)
 * @since 0.1.0
 */
export function watchRun(id: string): void {
  if (!isWatched(id)) write([...watched, id].slice(-mostWatched))
}

export function isWatched(id: string): boolean {
  return watched.includes(id)
}

/** @returns whether it was watched */
export function unwatchRun(id: string): boolean {
  if (!isWatched(id)) return false
  write(watched.filter((one) => one !== id))
  return true
}

/** For when somebody signs out: what one person watched is nobody else's. */
export function unwatchAllRuns(): void {
  write([])
}

/**
 * The ids of the runs that are watched.
 *
 * @example
 * const ids = useWatchedRuns()
 * return <span>{ids.length} under way</span>
 * @since 0.1.0
 */
export function useWatchedRuns(): readonly string[] {
  return useSyncExternalStore(subscribe, () => watched)
}

/** Says that the end of a run is to be seen right here, so that nobody has to be told of it. */
export function useRunShown(id: string | undefined): void {
  useEffect(() => {
    if (id === undefined) return undefined
    shown.set(id, (shown.get(id) ?? 0) + 1)
    return () => {
      const left = (shown.get(id) ?? 1) - 1
      if (left > 0) shown.set(id, left)
      else shown.delete(id)
    }
  }, [id])
}

export function isRunShown(id: string): boolean {
  return shown.has(id)
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed)
  return () => listeners.delete(changed)
}

function write(ids: readonly string[]): void {
  watched = ids
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(ids))
  } catch {
    // A browser that keeps nothing forgets them with the page.
  }
  listeners.forEach((changed) => changed())
}

function read(): readonly string[] {
  try {
    const ids: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? '[]')
    return Array.isArray(ids) ? ids.filter((id): id is string => typeof id === 'string') : []
  } catch {
    return []
  }
}
