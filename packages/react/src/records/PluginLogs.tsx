import { SegmentedControl, Switch, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { Search } from 'lucide-react'
import { memo, useEffect, useMemo, useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { createLiveConnection } from '../api/liveConnection.js'
import { openEvents } from '../api/request.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import { isMissing, type LogLine, usePluginLogs } from './records.js'

const levels = [
  { value: 'debug', label: 'All' },
  { value: 'info', label: 'Info' },
  { value: 'warn', label: 'Warnings' },
  { value: 'error', label: 'Errors' },
]

/** Beyond that the oldest go; the server keeps them. */
const mostLines = 500

/**
 * What a plugin printed, and what it prints right now.
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
  const logs = usePluginLogs({ pluginKey: keyOf(installation), installationId: installation.id }, filter)
  const { lines: added, isBroken } = useLiveLines(installation.id, filter, logs.data?.items, following)
  const lines = useMemo(
    () => [...(logs.data?.items ?? []).toReversed(), ...added].slice(-mostLines),
    [logs.data, added],
  )
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (following && box.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines, following])

  if (isMissing(logs.error)) return null
  if (logs.error && !logs.data)
    return <ErrorNote error={logs.error} title="The logs cannot be shown" onRetry={() => void logs.refetch()} />
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
        <span className="tn-quiet" role="status">
          {isBroken ? 'Not live right now. It is tried again.' : ''}
        </span>
      </div>
      <div className="tn-log" ref={box} role="log" aria-label="Log" aria-busy={logs.isPending} tabIndex={0}>
        {lines.length === 0 ? (
          <p className="tn-quiet">{logs.isPending ? 'Loading…' : 'It has printed nothing yet.'}</p>
        ) : (
          lines.map((line) => <Line key={line.id} line={line} />)
        )}
      </div>
    </div>
  )
}

/** Drawn once, however many come after it. */
const Line = memo(function Line({ line: { at, level, text } }: { line: LogLine }) {
  return (
    <p data-level={level}>
      <time dateTime={at}>{new Date(at).toLocaleTimeString('en-GB')}</time>
      <span className="tn-log-level">{level}</span>
      <span className="tn-log-text">{text}</span>
    </p>
  )
})

/**
 * Lines that are printed from now on, after the newest of those that are known. They stay when nobody follows any more:
 * that is how one reads them. `isBroken` while lines may be missing, because they cannot be followed.
 */
function useLiveLines(
  installationId: number,
  { level, text }: { level: string; text?: string | undefined },
  known: readonly LogLine[] | undefined,
  following: boolean,
): { lines: LogLine[]; isBroken: boolean } {
  const [lines, setLines] = useState<LogLine[]>([])
  const [isBroken, setIsBroken] = useState(false)
  const newestKnown = known?.[0]?.id ?? 0
  const newest = useRef(0)
  newest.current = Math.max(newestKnown, lines.at(-1)?.id ?? 0)
  const isOn = known !== undefined && following
  useEffect(() => {
    setLines([])
    // What came under another filter says nothing of what is missing under this one.
    newest.current = newestKnown
  }, [installationId, level, text])
  useEffect(() => {
    if (!isOn) return undefined
    const live = createLiveConnection({
      open() {
        const query = new URLSearchParams({ level, after: String(newest.current), ...(text ? { text } : {}) })
        return openEvents(`/plugins/installations/${installationId}/logs/stream?${query.toString()}`)
      },
      names: ['line'],
      onEvent: (_name, line) => setLines((before) => [...before, line as LogLine].slice(-mostLines)),
    })
    const leave = live.listen(() => setIsBroken(live.state() === 'broken'))
    return () => {
      leave()
      setIsBroken(false)
    }
  }, [installationId, level, text, isOn])
  const shown = useMemo(() => lines.filter(({ id }) => id > newestKnown), [lines, newestKnown])
  return { lines: shown, isBroken }
}
