import { Button, Tooltip } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ActionContribution } from '@tenon/contract'
import { Play } from 'lucide-react'
import { pluginKeys } from '../plugins/queries.js'
import { describeSchedule } from '../plugins/schedule.js'
import type { Plugin } from '../plugins/types.js'
import { callRoute } from './route.js'

export interface ActionOutcome {
  title: string
  message: string
  success: boolean
}

export interface PluginActionsProps {
  plugin: Plugin
  actions: readonly ActionContribution[]
  /** Whether the person has at least this role. */
  may: (role: 'Admin' | 'Editor' | 'Reviewer' | 'Auditor') => boolean
  /** Told how an action went, also when it failed. */
  onOutcome: (outcome: ActionOutcome) => void
}

/**
 * A button for each thing that a plugin lets people do. Afterwards everything that is shown of the plugin is asked again.
 *
 * @example <PluginActions plugin={plugin} actions={plugin.contributes.actions} may={may} onOutcome={toast} />
 * @since 0.1.0
 */
export function PluginActions({ plugin, actions, may, onOutcome }: PluginActionsProps) {
  return actions
    .filter(({ role, route }) => may(role ?? (route.startsWith('GET ') ? 'Reviewer' : 'Editor')))
    .map((action) => <ActionButton key={action.id} plugin={plugin} action={action} onOutcome={onOutcome} />)
}

function ActionButton({
  plugin,
  action,
  onOutcome,
}: Pick<PluginActionsProps, 'plugin' | 'onOutcome'> & { action: ActionContribution }) {
  const client = useQueryClient()
  const run = useMutation({
    mutationKey: pluginKeys.of(plugin.key, 'action', action.id),
    mutationFn: () => callRoute<unknown>(plugin.key, action.route),
    onSuccess: (answer) => onOutcome({ title: action.title, success: true, message: sentenceOf(answer) }),
    onError: (error) => onOutcome({ title: action.title, success: false, message: error.message }),
    onSettled: () => client.invalidateQueries({ queryKey: ['tenon', 'plugin', plugin.key] }),
  })
  const hint = [action.description, action.schedule ? `Also runs by itself ${describeSchedule(action.schedule)}.` : '']
    .filter(Boolean)
    .join('. ')
    .replace('..', '.')
  const button = (
    <Button variant="default" leftSection={<Play size={14} />} loading={run.isPending} onClick={() => run.mutate()}>
      {action.title}
    </Button>
  )
  return hint === '' ? button : <Tooltip label={hint}>{button}</Tooltip>
}

function sentenceOf(answer: unknown): string {
  const message = typeof answer === 'object' && answer !== null ? (answer as { message?: unknown }).message : undefined
  return typeof message === 'string' && message !== '' ? message : 'Done'
}
