import { Button, Group, Select, Switch, TextInput } from '@mantine/core'
import { CalendarClock, Pencil } from 'lucide-react'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { describeSchedule } from '../plugins/schedule.js'
import { isMissing } from '../records/records.js'
import { momentOf } from '../api/momentOf.js'
import type { Schedule, ScheduleChange } from './run.repository.js'
import { useSchedules, useSetSchedule } from './runs.js'
import { cronOf, type ScheduleTimes, timesOf, weekdays } from './scheduleTimes.js'

export interface PluginSchedulesProps {
  installationId: number
  readOnly?: boolean | undefined
}

/**
 * When the actions of a plugin run by themselves: what it proposes, what an admin chose instead, and when it is next.
 * Nothing for a plugin that has no such action.
 *
 * @example <PluginSchedules installationId={installation.id} readOnly={!isAdmin} />
 * @since 0.1.0
 */
export function PluginSchedules({ installationId, readOnly = false }: PluginSchedulesProps) {
  const schedules = useSchedules(installationId)
  if (isMissing(schedules.error)) return null
  if (schedules.error && !schedules.data)
    return (
      <ErrorNote
        error={schedules.error}
        title="The schedules cannot be shown"
        onRetry={() => void schedules.refetch()}
      />
    )
  if (!schedules.data) return <Loading height={56} />
  if (schedules.data.length === 0) return <p className="tn-quiet">Nothing of this plugin runs by itself.</p>
  return (
    <ul className="tn-schedules">
      {schedules.data.map((schedule) => (
        <ScheduleEntry key={schedule.action} installationId={installationId} schedule={schedule} readOnly={readOnly} />
      ))}
    </ul>
  )
}

interface EntryProps {
  installationId: number
  schedule: Schedule
  readOnly: boolean
}

function ScheduleEntry({ installationId, schedule, readOnly }: EntryProps) {
  const { action, title, cron, timeZone, enabled, proposed, isCustom } = schedule
  const change = useSetSchedule(installationId, action)
  const [editing, setEditing] = useState(false)
  const finish = { onSuccess: () => setEditing(false) }
  return (
    <li>
      <div className="tn-schedule">
        <CalendarClock size={18} aria-hidden />
        <div>
          <strong>{title}</strong>
          <p>{wordsOfSchedule(schedule)}</p>
          {isCustom && proposed !== null && (
            <p className="tn-quiet">The plugin proposes {describeSchedule(proposed)}.</p>
          )}
        </div>
        {!readOnly && cron !== null && (
          <Switch
            label="On"
            aria-label={`${title} runs by itself`}
            // Not disabled meanwhile: it would lose the focus.
            checked={change.isPending ? (change.variables?.enabled ?? enabled) : enabled}
            onChange={(event) =>
              change.isPending || change.mutate({ cron, timeZone, enabled: event.currentTarget.checked })
            }
          />
        )}
        {!readOnly && !editing && (
          <Button
            size="xs"
            variant="default"
            leftSection={<Pencil size={13} />}
            aria-label={`Change when ${title} runs`}
            onClick={() => setEditing(true)}
          >
            Change
          </Button>
        )}
      </div>
      {editing && (
        <ScheduleForm
          schedule={schedule}
          busy={change.isPending}
          onSave={(next) => change.mutate(next, finish)}
          onReset={isCustom && proposed !== null ? () => change.mutate(null, finish) : undefined}
          onCancel={() => {
            change.reset()
            setEditing(false)
          }}
        />
      )}
      {change.error && <ErrorNote error={change.error} title="It was not changed" />}
    </li>
  )
}

function wordsOfSchedule({ cron, timeZone, enabled, nextRunAt, lastRunAt }: Schedule): string {
  if (cron === null) return 'Runs only when somebody starts it.'
  if (!enabled) return `Switched off; it would run ${describeSchedule(cron, timeZone)}.`
  const next = nextRunAt === null ? '' : ` Next ${momentOf(nextRunAt)}.`
  const last = lastRunAt === null ? '' : ` Last ${momentOf(lastRunAt)}.`
  return `Runs ${describeSchedule(cron, timeZone)}.${next}${last}`
}

const everyWords: Record<ScheduleTimes['every'], string> = {
  hour: 'Every hour',
  day: 'Every day',
  week: 'Every week',
  own: 'Own times',
}

interface FormProps {
  schedule: Schedule
  busy: boolean
  onSave: (change: ScheduleChange) => void
  onReset?: () => void
  onCancel: () => void
}

function ScheduleForm({ schedule: { title, cron, proposed, timeZone: known }, busy, ...on }: FormProps) {
  const [times, setTimes] = useState(() => timesOf(cron ?? proposed ?? '0 3 * * *'))
  const [timeZone, setTimeZone] = useState(known)
  const set = (change: Partial<ScheduleTimes>) => setTimes({ ...times, ...change })
  return (
    <form
      className="tn-schedule-form"
      aria-label={`When ${title} runs`}
      onSubmit={(event) => {
        event.preventDefault()
        on.onSave({ cron: cronOf(times), timeZone, enabled: true })
      }}
    >
      <div className="tn-schedule-fields">
        <Select
          label="How often"
          allowDeselect={false}
          value={times.every}
          data={Object.entries(everyWords).map(([value, label]) => ({ value, label }))}
          onChange={(value) => value !== null && set({ every: value as ScheduleTimes['every'], cron: cronOf(times) })}
        />
        {times.every === 'week' && (
          <Select
            label="Day"
            allowDeselect={false}
            value={String(times.weekday)}
            data={weekdays.map((label, value) => ({ value: String(value), label }))}
            onChange={(value) => set({ weekday: Number(value) })}
          />
        )}
        {times.every === 'hour' && (
          <TextInput
            label="Minute"
            type="number"
            min={0}
            max={59}
            required
            withAsterisk={false}
            value={Number(times.time.slice(3))}
            onChange={(event) => set({ time: `00:${event.currentTarget.value.slice(0, 2).padStart(2, '0')}` })}
          />
        )}
        {(times.every === 'day' || times.every === 'week') && (
          <TextInput
            label="Time"
            type="time"
            required
            withAsterisk={false}
            value={times.time}
            onChange={(event) => set({ time: event.currentTarget.value })}
          />
        )}
        {times.every === 'own' && (
          <TextInput
            label="Cron expression"
            description="Minute, hour, day of month, month, day of week"
            required
            withAsterisk={false}
            value={times.cron}
            onChange={(event) => set({ cron: event.currentTarget.value })}
          />
        )}
        {times.every !== 'hour' && (
          <Select
            label="Time zone"
            allowDeselect={false}
            value={timeZone}
            data={timeZonesWith(known)}
            onChange={(value) => setTimeZone(value ?? 'UTC')}
          />
        )}
      </div>
      <Group gap="sm">
        <Button size="xs" type="submit" loading={busy}>
          Save schedule
        </Button>
        {on.onReset && (
          <Button size="xs" variant="default" disabled={busy} onClick={on.onReset}>
            Back to what is proposed
          </Button>
        )}
        <Button size="xs" variant="subtle" color="gray" disabled={busy} onClick={on.onCancel}>
          Cancel
        </Button>
      </Group>
    </form>
  )
}

/** UTC, where the person is, and what is set: nobody looks for theirs among four hundred. */
function timeZonesWith(known: string): string[] {
  return [...new Set(['UTC', Intl.DateTimeFormat().resolvedOptions().timeZone, known])]
}
