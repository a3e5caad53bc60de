import { CloseButton, TextInput } from '@mantine/core'
import { Search } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'

/** Finds plugins while one types. */
export function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, enter] = useTypedText(value, onChange)
  return (
    <TextInput
      type="search"
      size="md"
      aria-label="Search plugins"
      placeholder="Search by name, description or tag"
      leftSection={<Search size={17} />}
      rightSection={text === '' ? null : <CloseButton aria-label="Clear the search" onClick={() => enter('')} />}
      value={text}
      onChange={(event) => enter(event.currentTarget.value)}
    />
  )
}

/**
 * What stands in the field. The address follows when there is time for it, and comes back as `value` letters later: taken
 * as it comes, it would take away what was typed in between.
 */
function useTypedText(value: string, onChange: (value: string) => void): [string, (text: string) => void] {
  const [text, setText] = useState(value)
  const typed = useRef<string[]>([])
  useEffect(() => {
    const position = typed.current.lastIndexOf(value)
    if (position < 0) setText(value)
    typed.current = typed.current.slice(position + 1)
  }, [value])
  const enter = (next: string) => {
    typed.current.push(next)
    setText(next)
    onChange(next)
  }
  return [text, enter]
}
