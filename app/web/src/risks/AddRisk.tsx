import { Button, Group, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { ErrorNote } from '@tenon/react'
import { type FormEvent, useState } from 'react'
import { useMemberNames } from '../members/members.js'
import { useAccount } from '../session/session.js'
import { useFieldProblems } from '../ui/useFieldProblems.js'
import { lifecyclePhases, likelihoods, type NewRisk, severities, useAddRisk } from './risks.js'

/** More people than that are found by typing. */
const mostChoices = 100

export function AddRisk({ onDone }: { onDone: () => void }) {
  const add = useAddRisk()
  const { user } = useAccount()
  const names = useMemberNames()
  const [risk, setRisk] = useState<NewRisk>({
    risk_name: '',
    risk_description: '',
    ai_lifecycle_phase: lifecyclePhases[0] ?? '',
    likelihood: 'Possible',
    severity: 'Moderate',
    risk_owner: user.id,
  })
  const set = (change: Partial<NewRisk>) => setRisk({ ...risk, ...change })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate(risk, {
      onSuccess: () => {
        notifications.show({ message: 'Risk added' })
        onDone()
      },
    })
  }
  const { form, problemOf, areShown } = useFieldProblems(add.error, Object.keys(risk))
  const choice = (name: 'ai_lifecycle_phase' | 'likelihood' | 'severity', label: string, data: string[]) => (
    <Select
      label={label}
      data={data}
      value={risk[name]}
      allowDeselect={false}
      error={problemOf(name)}
      onChange={(value) => set({ [name]: value ?? risk[name] })}
    />
  )
  return (
    <form onSubmit={submit} ref={form}>
      <Stack gap="md">
        {add.error && !areShown && <ErrorNote error={add.error} />}
        <TextInput
          label="Name"
          required
          withAsterisk={false}
          maxLength={255}
          data-autofocus
          value={risk.risk_name}
          error={problemOf('risk_name')}
          onChange={(event) => set({ risk_name: event.currentTarget.value })}
        />
        <Textarea
          label="Description"
          required
          withAsterisk={false}
          autosize
          minRows={3}
          value={risk.risk_description}
          error={problemOf('risk_description')}
          onChange={(event) => set({ risk_description: event.currentTarget.value })}
        />
        {choice('ai_lifecycle_phase', 'Lifecycle phase', lifecyclePhases)}
        <Group grow>
          {choice('likelihood', 'Likelihood', likelihoods)}
          {choice('severity', 'Severity', severities)}
        </Group>
        <Select
          label="Owner"
          error={problemOf('risk_owner')}
          data={[...names].map(([id, label]) => ({ value: String(id), label }))}
          searchable
          limit={mostChoices}
          value={risk.risk_owner ? String(risk.risk_owner) : null}
          clearable
          clearButtonProps={{ 'aria-label': 'Nobody' }}
          onChange={(value) => set({ risk_owner: value === null ? null : Number(value) })}
        />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending}>
            Add the risk
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
