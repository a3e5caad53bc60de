import { Button } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { countOf } from '@tenon/contract/count-of'
import { ArrowDown } from 'lucide-react'
import { memo, type KeyboardEvent, useCallback, useEffect, useRef, useState } from 'react'
import { dayOf } from '../api/dayOf.js'
import type { LogLine } from './records.js'

interface LogBoxProps {
  lines: readonly LogLine[]
  isPending: boolean
  isReading: boolean
  hasEarlier: boolean
  /** Earlier lines could not be read. */
  hasFailed: boolean
  readEarlier: () => void
}

/** A line of one row, until it is measured. */
const usualLineHeight = 20
const overscan = 20
/** So near the end, one is there. */
const nearEnd = 24
/** So many times what is seen is above it when earlier lines are read. */
const readAhead = 3

/**
 * Lines of a log, of which only those near what is seen exist. At its end it goes on with what is printed; whoever reads
 * further up stays there, and is told how much has come.
 */
export function LogBox({ lines, isPending, isReading, hasEarlier, hasFailed, readEarlier }: LogBoxProps) {
  const box = useRef<HTMLDivElement>(null)
  const newest = lines.at(-1)?.id ?? 0
  /** The newest line when the end was left; undefined at the end. */
  const [leftAt, setLeftAt] = useState<number>()
  const isAway = leftAt !== undefined
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    getItemKey: useCallback((index: number) => lines[index]?.id ?? index, [lines]),
    estimateSize: () => usualLineHeight,
    overscan,
    paddingStart: 12,
    paddingEnd: 12,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: nearEnd,
  })
  const toFirst = useWayToFirst({ hasEarlier, isReading, hasFailed, readEarlier }, () => rows.scrollToOffset(0))

  const onScroll = () => {
    if (!box.current) return
    const { scrollTop, scrollHeight, clientHeight } = box.current
    const atEnd = scrollHeight - scrollTop - clientHeight <= nearEnd
    setLeftAt((before) => (atEnd ? undefined : (before ?? newest)))
    if (!atEnd && scrollTop < readAhead * clientHeight) readEarlier()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const way = { Home: toFirst, End: () => rows.scrollToEnd() }[event.key]
    if (way === undefined) return
    event.preventDefault()
    way()
  }
  const fresh = isAway ? lines.length - 1 - lines.findLastIndex(({ id }) => id <= leftAt) : 0
  return (
    <div className="tn-log-frame">
      <div
        className="tn-log"
        ref={box}
        role="log"
        aria-label="Log"
        aria-busy={isPending || isReading}
        // What comes into sight by scrolling is no news.
        aria-live={isAway ? 'off' : 'polite'}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
      >
        {lines.length === 0 ? (
          <p className="tn-log-empty tn-quiet">{isPending ? 'Loading…' : 'It has printed nothing yet.'}</p>
        ) : (
          <div className="tn-log-lines" style={{ height: rows.getTotalSize() }}>
            {rows.getVirtualItems().map(({ key, index, start }) => {
              const line = lines[index]
              return (
                line && (
                  <div
                    key={key}
                    ref={rows.measureElement}
                    data-index={index}
                    className="tn-log-place"
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    <Line line={line} day={dayAbove(line, lines[index - 1])} />
                  </div>
                )
              )
            })}
          </div>
        )}
      </div>
      {isAway && (
        <Button
          className="tn-log-end"
          size="compact-sm"
          radius="xl"
          variant={fresh > 0 ? 'filled' : 'default'}
          leftSection={<ArrowDown size={13} aria-hidden />}
          onClick={() => {
            rows.scrollToEnd()
            box.current?.focus()
          }}
        >
          {fresh > 0 ? countOf(fresh, 'new line') : 'To the newest'}
        </Button>
      )}
    </div>
  )
}

/** Drawn once, however many come after it. */
const Line = memo(function Line({ line: { at, level, text }, day }: { line: LogLine; day: string | undefined }) {
  return (
    <>
      {day !== undefined && <p className="tn-log-day">{day}</p>}
      <p className="tn-log-line" data-level={level}>
        <time dateTime={at}>{new Date(at).toLocaleTimeString('en-GB')}</time>
        <span className="tn-log-level">{level}</span>
        <span className="tn-log-text">{text}</span>
      </p>
    </>
  )
})

/** The day that begins with a line, unless the log begins today. */
function dayAbove({ at }: LogLine, before: LogLine | undefined): string | undefined {
  const day = dayOf(at)
  return day === dayOf(before?.at ?? new Date().toISOString()) ? undefined : day
}

/** To the very first line: whatever is before those that are here is read until there is nothing more. */
function useWayToFirst(
  { hasEarlier, isReading, hasFailed, readEarlier }: Omit<LogBoxProps, 'lines' | 'isPending'>,
  arrive: () => void,
): () => void {
  const [isOnTheWay, setIsOnTheWay] = useState(false)
  useEffect(() => {
    if (!isOnTheWay || isReading) return
    if (hasEarlier && !hasFailed) return readEarlier()
    setIsOnTheWay(false)
    arrive()
  }, [isOnTheWay, isReading, hasEarlier, hasFailed])
  return () => {
    setIsOnTheWay(true)
    readEarlier()
  }
}
