import { useUncontrolled } from '@mantine/hooks'
import { useEffect, useRef } from 'react'

/** What of a view is shown, and how. */
export interface ViewState {
  /** Of the groups, where there are some; otherwise of the rows. */
  page: number
  pageSize: number
  /** A column, with `-` in front for descending. */
  sort?: string | undefined
  /** The column that divides the rows. */
  groupBy?: string | undefined
  /** Texts that columns contain. */
  filters: Readonly<Record<string, string>>
}

/** A plugin may give fewer at once: see `useViewRows`. */
export const pageSizes = [10, 25, 50, 100, 500, 1_000]

/** A view as it is when nobody has changed anything of it. */
export const firstViewState: ViewState = { page: 1, pageSize: 10, filters: {} }

export interface ViewStateProps {
  /** What is shown, where the application holds it: in its address for instance. Without it the view does. */
  state?: ViewState | undefined
  /** Told what is to be shown from now on, and what of it is new. */
  onStateChange?: ((state: ViewState, changes: Partial<ViewState>) => void) | undefined
}

/** Held by the application, or else here. Whatever changes but the page leads back to the first page. */
export function useViewState({ state, onStateChange }: ViewStateProps) {
  const [current, set] = useUncontrolled<ViewState>({
    ...(state ? { value: state } : {}),
    finalValue: firstViewState,
    ...(onStateChange ? { onChange: onStateChange } : {}),
  })
  // Two changes may come before the first is drawn: a word that is still on its way, and an order.
  const latest = useRef(current)
  useEffect(() => {
    latest.current = current
  }, [current])
  const change = (changes: Partial<ViewState>) => {
    const next = { ...latest.current, page: 1, ...changes }
    latest.current = next
    set(next, changes)
  }
  const filter = (column: string, text: string) => {
    const { [column]: _, ...others } = latest.current.filters
    change({ filters: text === '' ? others : { ...others, [column]: text } })
  }
  return { current, change, filter }
}
