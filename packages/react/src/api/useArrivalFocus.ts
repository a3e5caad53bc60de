import { type RefObject, useEffect, useRef } from 'react'

/** What comes in the place of what had the focus takes it: its element with `data-autofocus`. */
export function useArrivalFocus<Element extends HTMLElement>(): RefObject<Element | null> {
  const frame = useRef<Element>(null)
  useEffect(() => frame.current?.querySelector<HTMLElement>('[data-autofocus]')?.focus(), [])
  return frame
}
