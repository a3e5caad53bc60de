import { Button, Group, Textarea } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'

interface WordsFormProps {
  label: string
  description: string
  /** What the button says. */
  action: string
  busy: boolean
  error: Error | null
  /** Said above what went wrong. */
  failure: string
  /** Told what was written; undefined when there is nothing but blanks. What it throws comes back as `error`. */
  onSend: (words: string | undefined) => Promise<void>
  onCancel: () => void
  children?: ReactNode
}

/** As long as the host takes it. */
const maxLength = 500

/** A few words of a person to another, which may be left out. */
export function WordsForm({ label, description, action, busy, error, failure, onSend, ...props }: WordsFormProps) {
  const [words, setWords] = useState('')
  return (
    <form
      className="tn-dialog"
      onSubmit={(event) => {
        event.preventDefault()
        // What went wrong is shown below.
        onSend(words.trim() || undefined).catch(() => undefined)
      }}
    >
      {props.children}
      <Textarea
        label={label}
        description={description}
        value={words}
        onChange={(event) => setWords(event.currentTarget.value)}
        maxLength={maxLength}
        autosize
        minRows={3}
        maxRows={8}
        data-autofocus
      />
      {error && <ErrorNote error={error} title={failure} />}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={props.onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={busy}>
          {action}
        </Button>
      </Group>
    </form>
  )
}
