import { useDebouncedCallback } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'

/** Shorter than the pause between two words: the list follows whoever looks up, and holds up nobody who types. */
const pauseMs = 150

/**
 * What stands in a field whose value is held elsewhere: in the address, for instance. That follows when there is a pause,
 * and comes back as `value` letters later: taken as it comes, it would take away what was typed in between.
 *
 * @returns the text, what to do with a new one, and the same for one that is not to wait
 * @example
 * const [query, setQuery] = useState('')
 * const [text, enter] = useTypedText(query, setQuery)
 * return <input value={text} onChange={(event) => enter(event.currentTarget.value)} />
 * @since 0.1.0
 */
export function useTypedText(value: string, onChange: (value: string) => void) {
  const [text, setText] = useState(value)
  const typed = useRef<string[]>([])
  const tell = useDebouncedCallback(onChange, pauseMs)
  useEffect(() => {
    const position = typed.current.lastIndexOf(value)
    if (position < 0) {
      tell.cancel()
      setText(value)
    }
    typed.current = typed.current.slice(position + 1)
  }, [value, tell])
  const enter = (next: string) => {
    typed.current.push(next)
    setText(next)
    tell(next)
  }
  const enterAtOnce = (next: string) => {
    enter(next)
    tell.flush()
  }
  return [text, enter, enterAtOnce] as const
}
