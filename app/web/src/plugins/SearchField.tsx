import { CloseButton, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { Search } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

/** Finds plugins while one types. */
export function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, enter, enterAtOnce] = useTypedText(value, onChange)
  return (
    <TextInput
      type="search"
      size="md"
      aria-label="Search plugins"
      placeholder="Search by name, description or tag"
      leftSection={<Search size={17} />}
      rightSection={text === '' ? null : <CloseButton aria-label="Clear the search" onClick={() => enterAtOnce('')} />}
      value={text}
      onChange={(event) => enter(event.currentTarget.value)}
    />
  )
}

/** Shorter than the pause between two words: the list follows whoever looks up, and holds up nobody who types. */
const pauseMs = 150

/**
 * What stands in the field. The address follows when there is a pause, and comes back as `value` letters later: taken
 * as it comes, it would take away what was typed in between.
 */
function useTypedText(value: string, onChange: (value: string) => void) {
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
