import type { VirtualItem } from '@tanstack/react-virtual'
import { useLayoutEffect, useMemo, useRef } from 'react'

/** Where something long was left. */
export interface Place {
  /** In pixels from its top. */
  offset: number
  measured: VirtualItem[]
}

/** By what was shown and where in the history of the page. */
const places = new Map<string, Place>()
const mostPlaces = 20

/** Routers give each step of the history a key; a step without one is the first, or there is no router. */
function stepOfHistory(): string {
  const state: unknown = window.history.state
  const key = typeof state === 'object' && state !== null && 'key' in state ? state.key : ''
  return typeof key === 'string' ? key : ''
}

/**
 * Remembers where something was left, so that Back leads there. `place` says what is shown; while it is `busy`, what was
 * shown before is.
 */
export function usePlace(place: string, busy: boolean) {
  // Of the step in which it is shown: the next one may have begun before what is shown changes.
  const key = useMemo(() => `${stepOfHistory()} ${place}`, [place])
  const look = useRef<() => Place>(undefined)
  // Before what comes next takes its place.
  useLayoutEffect(() => {
    if (busy) return undefined
    return () => {
      places.delete(key)
      if (look.current) places.set(key, look.current())
      for (const oldest of [...places.keys()].slice(0, -mostPlaces)) places.delete(oldest)
    }
  }, [key, busy])
  return {
    /** Where it was left, if it was here before. */
    left: () => places.get(key),
    /** How to find out where it is when it is left. */
    keep(whereItIs: () => Place) {
      look.current = whereItIs
    },
  }
}
