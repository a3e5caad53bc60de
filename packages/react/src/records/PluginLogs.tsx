import { SegmentedControl, Switch, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Search } from 'lucide-react'
import { useMemo, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { LogBox } from './LogBox.js'
import { isMissing, type LogFilter, type LogPage, usePluginLogs } from './records.js'
import { useLogLines } from './useLogLines.js'

const levels = [
  { value: 'debug', label: 'All' },
  { value: 'info', label: 'Info' },
  { value: 'warn', label: 'Warnings' },
  { value: 'error', label: 'Errors' },
]

/**
 * What a plugin printed, and what it prints right now: all lines that are kept, the earlier ones as one scrolls up.
 *
 * @example <PluginLogs installation={installation} />
 * @since 0.1.0
 */
export function PluginLogs({ installation }: { installation: PluginInstallation }) {
  const [level, setLevel] = useState('info')
  const [text, setText] = useState('')
  const [following, setFollowing] = useState(true)
  const [settled] = useDebouncedValue(text, 250)
  const filter = useMemo(() => ({ level, text: settled || undefined }), [level, settled])
  const latest = usePluginLogs({ pluginKey: keyOf(installation), installationId: installation.id }, filter)
  if (isMissing(latest.error)) return null
  if (latest.error && !latest.data)
    return <ErrorNote error={latest.error} title="The logs cannot be shown" onRetry={() => void latest.refetch()} />
  return (
    <div className="tn-logs">
      <div className="tn-view-bar">
        <SegmentedControl size="xs" aria-label="Level" data={levels} value={level} onChange={setLevel} />
        <TextInput
          size="xs"
          aria-label="Search the log"
          placeholder="Search"
          leftSection={<Search size={13} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Switch
          size="sm"
          label="Follow"
          checked={following}
          onChange={(event) => setFollowing(event.currentTarget.checked)}
        />
      </div>
      <Log
        key={`${installation.id} ${level} ${filter.text}`}
        installationId={installation.id}
        filter={filter}
        latest={latest.data}
        following={following}
      />
    </div>
  )
}

interface LogProps {
  installationId: number
  filter: LogFilter
  latest: LogPage | undefined
  following: boolean
}

function Log({ installationId, filter, latest, following }: LogProps) {
  const { isBroken, ...log } = useLogLines(installationId, filter, latest, following)
  return (
    <>
      <LogBox {...log} />
      <p className="tn-log-note tn-quiet" role="status">
        {isBroken
          ? 'Not live right now. It is tried again.'
          : log.isReading
            ? 'Earlier lines are on their way.'
            : log.hasFailed
              ? 'Earlier lines cannot be read right now. Scroll up to try again.'
              : ''}
      </p>
    </>
  )
}
