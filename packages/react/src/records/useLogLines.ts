import { useCallback, useEffect, useRef, useState } from 'react'
import { createLiveConnection } from '../api/liveConnection.js'
import { openEvents } from '../api/request.js'
import { type LogFilter, type LogLine, type LogPage, readEarlierLines } from './records.js'

/** As many as the server keeps. */
const mostLines = 10_000
/** Lines that come one by one are shown together. */
const gatherMs = 60

const nothing: LogPage = { lines: [], hasEarlier: false }

interface LogLines extends LogPage {
  /** The newest lines are on their way. */
  isPending: boolean
  /** Lines may be missing, because what is printed now cannot be followed. */
  isBroken: boolean
  isReading: boolean
  /** Earlier lines could not be read. */
  hasFailed: boolean
  /** Reads lines before those that are here. */
  readEarlier: () => void
}

/**
 * The lines that fit a filter: the `latest` that were read, those that are printed from then on while it is `following`,
 * and earlier ones as they are asked for. For one filter: under another one it begins anew.
 */
export function useLogLines(
  installationId: number,
  filter: LogFilter,
  latest: LogPage | undefined,
  following: boolean,
): LogLines {
  const [log, setLog] = useState<LogPage>()
  useEffect(() => {
    if (latest) setLog((before = nothing) => withPage(before, latest))
  }, [latest])
  const newest = useRef(0)
  newest.current = log?.lines.at(-1)?.id ?? 0
  const add = useCallback((lines: LogLine[]) => setLog((before = nothing) => withLines(before, lines)), [])
  const isBroken = useLiveLines(installationId, filter, log !== undefined && following, newest, add)

  const [reading, setReading] = useState<'read' | 'failed'>()
  const readUnderWay = useRef<AbortController>(undefined)
  useEffect(() => () => readUnderWay.current?.abort(), [])
  const oldest = log?.lines[0]?.id
  const hasEarlier = log !== undefined && log.hasEarlier && log.lines.length < mostLines
  const readEarlier = () => {
    if (!hasEarlier || oldest === undefined || reading === 'read') return
    const controller = new AbortController()
    readUnderWay.current = controller
    setReading('read')
    readEarlierLines(installationId, filter, oldest, controller.signal).then(
      ({ lines, hasEarlier: more }) => {
        if (controller.signal.aborted) return
        setLog((before = nothing) => ({ ...withLines(before, lines), hasEarlier: more }))
        setReading(undefined)
      },
      () => !controller.signal.aborted && setReading('failed'),
    )
  }
  return {
    lines: log?.lines ?? nothing.lines,
    hasEarlier,
    isPending: log === undefined,
    isBroken,
    isReading: reading === 'read',
    hasFailed: reading === 'failed',
    readEarlier,
  }
}

/** With the newest lines as they were read just now; what is here gives way where something between would be missing. */
function withPage(before: LogPage, page: LogPage): LogPage {
  const [first] = page.lines
  const last = before.lines.at(-1)
  const isApart = !first || !last || (page.hasEarlier && first.id > last.id)
  return isApart ? page : withLines(before, page.lines)
}

function withLines(before: LogPage, added: readonly LogLine[]): LogPage {
  const known = new Set(before.lines.map(({ id }) => id))
  const fresh = added.filter(({ id }) => !known.has(id))
  if (fresh.length === 0) return before
  const lines = [...before.lines, ...fresh].sort((one, other) => one.id - other.id).slice(-mostLines)
  return { ...before, lines }
}

/** Lines that are printed from now on, after the newest of those that are known. */
function useLiveLines(
  installationId: number,
  { level, text }: LogFilter,
  isOn: boolean,
  newest: { readonly current: number },
  add: (lines: LogLine[]) => void,
): boolean {
  const [isBroken, setIsBroken] = useState(false)
  useEffect(() => {
    if (!isOn) return undefined
    let gathered: LogLine[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    const show = () => {
      timer = undefined
      add(gathered)
      gathered = []
    }
    const live = createLiveConnection({
      open() {
        const after = Math.max(newest.current, ...gathered.map(({ id }) => id))
        const query = new URLSearchParams({ level, after: String(after), ...(text ? { text } : {}) })
        return openEvents(`/plugins/installations/${installationId}/logs/stream?${query.toString()}`)
      },
      names: ['line'],
      onEvent(_name, line) {
        gathered.push(line as LogLine)
        timer ??= setTimeout(show, gatherMs)
      },
    })
    const leave = live.listen(() => setIsBroken(live.state() === 'broken'))
    return () => {
      leave()
      clearTimeout(timer)
      if (gathered.length > 0) add(gathered)
      setIsBroken(false)
    }
  }, [installationId, level, text, isOn, newest, add])
  return isBroken
}
