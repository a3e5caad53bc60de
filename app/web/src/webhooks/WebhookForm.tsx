import { Button, Checkbox, Group, Stack, TextInput } from '@mantine/core'
import { ApiError, ErrorNote } from '@tenon/react'
import { type FormEvent, useRef, useState } from 'react'
import classes from './webhooks.module.css'
import { EventName } from './EventName.js'
import { useEventTitles, type Webhook, type WebhookValues } from './webhooks.js'

interface WebhookFormProps {
  webhook?: Webhook
  error: Error | null
  saving: boolean
  onSubmit: (values: WebhookValues) => void
  onCancel: () => void
}

const everything = '*'

/** Where events go, and which: all of them, or some of those that there are. */
export function WebhookForm({ webhook, error, saving, onSubmit, onCancel }: WebhookFormProps) {
  const titles = useEventTitles()
  const [chosen, setChosen] = useState<string[]>(webhook?.events ?? [])
  const isAll = chosen.includes(everything)
  // What was chosen earlier may be of a plugin that has gone, or a pattern that a program has set.
  const shown = [...new Set([...titles.keys(), ...chosen])].filter((name) => name !== everything)
  const [isMissing, setMissing] = useState(false)
  const events = useRef<HTMLDivElement>(null)
  const problemOf = (field: string) => sentenceOf(error, field)
  const isShown = ['url', 'events', 'description'].some((field) => problemOf(field) !== undefined)
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (chosen.length === 0) {
      setMissing(true)
      events.current?.querySelector('input')?.focus()
      return
    }
    const form = new FormData(event.currentTarget)
    onSubmit({
      url: String(form.get('url')).trim(),
      description: String(form.get('description')).trim(),
      events: isAll ? [everything] : chosen,
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {error && !isShown && <ErrorNote error={error} title="It was not saved" />}
        <TextInput
          name="url"
          label="Address"
          placeholder="https://example.com/hook"
          description="Gets a signed POST for each event. Public addresses only, and https."
          defaultValue={webhook?.url}
          required
          withAsterisk={false}
          error={problemOf('url')}
          data-autofocus
        />
        <TextInput
          name="description"
          label="What it is for"
          maxLength={200}
          defaultValue={webhook?.description}
          error={problemOf('description')}
        />
        <Checkbox.Group
          label="Events"
          value={chosen}
          onChange={(next) => {
            setChosen(next)
            setMissing(false)
          }}
          error={isMissing ? 'Choose at least one event, or all of them.' : problemOf('events')}
          withAsterisk={false}
          // Where the focus goes, and not below a list that is longer than a small screen.
          inputWrapperOrder={['label', 'error', 'input']}
        >
          <div className={classes.events} ref={events}>
            <Checkbox value={everything} label="All events, also those that come later" />
            {!isAll && shown.map((name) => <Checkbox key={name} value={name} label={<EventName name={name} />} />)}
          </div>
        </Checkbox.Group>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={saving}>
            {webhook ? 'Save' : 'Add the webhook'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** The server names the field of its problem, or begins its sentence with it. */
function sentenceOf(error: Error | null, field: string): string | undefined {
  if (!(error instanceof ApiError)) return undefined
  const named = error.problems.find((problem) => problem.field.replace('/', '') === field)?.message
  if (named !== undefined) return named
  return error.message.startsWith(`${field}: `) ? error.message.slice(field.length + 2) : undefined
}
