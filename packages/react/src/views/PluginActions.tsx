import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ActionContribution } from '@tenon/contract'
import { Play } from 'lucide-react'
import { ReasonedButton } from '../api/ReasonedButton.js'
import { pluginKeys } from '../plugins/queries.js'
import { describeSchedule } from '../plugins/schedule.js'
import type { Plugin } from '../plugins/types.js'
import { useIsPluginInstalled } from '../plugins/useIsPluginInstalled.js'
import { RunProgress } from '../runs/RunProgress.js'
import type { Schedule } from '../runs/run.repository.js'
import { followRun, useActiveRun, useSchedules } from '../runs/runs.js'
import { startRoute } from './route.js'

export interface ActionOutcome {
  title: string
  message: string
  success: boolean
  /** What a request failed with; `RequestId` shows where the operator finds it. */
  error?: Error
}

/** The outcome of something that could not be asked of the server, or was refused by it. */
export function failureOf(title: string, error: Error): ActionOutcome {
  return { title, success: false, message: error.message, error }
}

export interface PluginActionsProps {
  plugin: Plugin
  actions: readonly ActionContribution[]
  /** Whether the person has at least this role. */
  may: (role: 'Admin' | 'Editor' | 'Reviewer' | 'Auditor') => boolean
  /** Told what an action answered at once, and why one could not be begun; the end of a run is told by `useRunOutcomes`. */
  onOutcome: (outcome: ActionOutcome) => void
  /** The first of them is what there is to do. */
  leading?: boolean | undefined
}

/**
 * A button for each thing that a plugin lets people do. What takes its time goes on as a run: its progress is beside the
 * button, also for somebody who comes back to it or did not begin it, and can be stopped.
 *
 * @example
 * const actions = plugin.contributes?.actions ?? []
 * return <PluginActions plugin={plugin} actions={actions} may={may} onOutcome={({ message }) => toast(message)} />
 * @since 0.1.0
 */
export function PluginActions({ plugin, actions, may, onOutcome, leading = false }: PluginActionsProps) {
  return actions
    .filter(({ role, route }) => may(role ?? (route.startsWith('GET ') ? 'Reviewer' : 'Editor')))
    .map((action, index) => (
      <ActionButton
        key={action.id}
        plugin={plugin}
        action={action}
        may={may}
        onOutcome={onOutcome}
        isMain={leading && index === 0}
      />
    ))
}

function ActionButton({
  plugin,
  action,
  may,
  onOutcome,
  isMain,
}: Pick<PluginActionsProps, 'plugin' | 'may' | 'onOutcome'> & { action: ActionContribution; isMain: boolean }) {
  const client = useQueryClient()
  const { installationId } = useIsPluginInstalled(plugin.key)
  const active = useActiveRun(installationId, action.id)
  const start = useMutation({
    mutationKey: pluginKeys.of(plugin.key, 'action', action.id),
    async mutationFn() {
      const work = await startRoute<unknown>(plugin.key, action.route)
      if ('runId' in work) return followRun(client, work.runId)
      onOutcome({ title: action.title, success: true, message: sentenceOf(work.answer) })
      return client.invalidateQueries({ queryKey: pluginKeys.ofPlugin(plugin.key) })
    },
    onError: (error) => onOutcome(failureOf(action.title, error)),
  })
  const { data: schedules } = useSchedules(installationId)
  const hint = [action.description, timesIn(schedules?.find((schedule) => schedule.action === action.id))]
    .filter(Boolean)
    .join('. ')
    .replace('..', '.')
  return (
    <div className="tn-action">
      <ReasonedButton
        variant={isMain ? 'filled' : 'default'}
        leftSection={<Play size={14} />}
        loading={start.isPending}
        reason={active && 'It is under way.'}
        hint={hint}
        onClick={() => start.mutate()}
      >
        {action.title}
      </ReasonedButton>
      {active && <RunProgress run={active} mayCancel={may('Editor')} />}
    </div>
  )
}

/** When an action runs by itself as things are; nothing as long as that is not known. */
function timesIn(schedule: Schedule | undefined): string {
  if (!schedule?.enabled || schedule.cron === null) return ''
  return `Also runs by itself ${describeSchedule(schedule.cron, schedule.timeZone)}.`
}

function sentenceOf(answer: unknown): string {
  const message = typeof answer === 'object' && answer !== null ? (answer as { message?: unknown }).message : undefined
  return typeof message === 'string' && message !== '' ? message : 'Done'
}
