import { CloseButton, TextInput } from '@mantine/core'
import { Search } from 'lucide-react'

/** Finds plugins while one types. */
export function SearchField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <TextInput
      type="search"
      size="md"
      aria-label="Search plugins"
      placeholder="Search by name, description or tag"
      leftSection={<Search size={17} />}
      rightSection={value === '' ? null : <CloseButton aria-label="Clear the search" onClick={() => onChange('')} />}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
