import { CloseButton, TextInput } from '@mantine/core'
import { useTypedText } from '@tenon/react'
import { Search } from 'lucide-react'

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
