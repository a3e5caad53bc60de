import { type FocusEvent, type RefObject, useEffect, useRef } from 'react'

interface KeptFocus<Element> {
  ref: RefObject<Element | null>
  tabIndex: number
  onFocus: () => void
  onBlur: (event: FocusEvent) => void
}

/**
 * For a frame in which one thing gives way to another: when what had the focus has gone, the element with
 * `data-autofocus` takes it, or else the frame. Nothing is taken from the rest of the page.
 */
export function useKeptFocus<Element extends HTMLElement>(): KeptFocus<Element> {
  const ref = useRef<Element>(null)
  const isWithin = useRef(false)
  useEffect(() => {
    const frame = ref.current
    if (!frame) return undefined
    const observer = new MutationObserver(() => {
      if (!isWithin.current || document.activeElement !== document.body) return
      ;(frame.querySelector<HTMLElement>('[data-autofocus]') ?? frame).focus()
    })
    observer.observe(frame, { childList: true, subtree: true })
    return () => observer.disconnect()
  }, [])
  return {
    ref,
    tabIndex: -1,
    onFocus: () => {
      isWithin.current = true
    },
    // What is taken off the page says nothing of it.
    onBlur: ({ currentTarget, relatedTarget }) => {
      isWithin.current = currentTarget.contains(relatedTarget)
    },
  }
}
