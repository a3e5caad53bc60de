import { Table } from '@mantine/core'
import { useWindowEvent } from '@mantine/hooks'
import { defaultRangeExtractor, type Range, useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import type { ViewColumn } from '@tenon/contract'
import {
  type FocusEvent,
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { flushSync } from 'react-dom'
import { HeadRow, keyOfRow, leastWidthOf, TableRow, type ViewTableProps } from './TableRow.js'
import { usePlace } from './usePlace.js'
import { textOf } from './Value.js'
import type { Row } from './viewRows.js'

/** Until it is measured; one of two lines is higher. */
const usualRowHeight = 44
/** Beyond what is seen, on each side: enough for the keyboard, and for a turn of the wheel. */
const overscan = 12
/** Of the head, which stays above the rows and hides what is behind it. */
const headHeight = 40

type Rows = Virtualizer<HTMLDivElement, HTMLTableRowElement>

/**
 * A table of which only the rows near what is seen exist, in a frame of its own: its head stays in sight, and so does
 * what is below it. It is found again where it was left, and is printed whole.
 */
export function WindowedTable({ columns, rows, busy, place = '', sort, onSort, onChoose }: ViewTableProps) {
  const viewport = useRef<HTMLDivElement>(null)
  const { widths, least, widest, headRef } = useColumnWidths(columns, rows)
  const [active, setActive] = useState<number>()
  const isPrinted = useIsPrinted()
  const { left, keep } = usePlace(place, busy)
  const virtual: Rows = useVirtualizer<HTMLDivElement, HTMLTableRowElement>({
    count: rows.length,
    enabled: widths !== undefined,
    getScrollElement: () => viewport.current,
    getItemKey: useCallback((index: number) => keyOfRow(rows[index] ?? {}, index), [rows]),
    estimateSize: () => usualRowHeight,
    measureElement: (row) => row.getBoundingClientRect().height,
    rangeExtractor: useCallback(
      (range: Range) => withNeighbours(defaultRangeExtractor(range), active, range),
      [active],
    ),
    overscan,
    scrollPaddingEnd: headHeight,
    initialOffset: () => left()?.offset ?? 0,
    initialMeasurementsCache: useMemo(() => left()?.measured ?? [], []),
  })
  keep(() => ({ offset: virtual.scrollOffset ?? 0, measured: virtual.takeSnapshot() }))
  useBeginning(virtual, place, busy, () => left()?.offset ?? 0)

  const toRow = (index: number) => {
    // It has to exist before it can have the focus.
    flushSync(() => setActive(index))
    virtual.scrollToIndex(index, { align: 'auto' })
    viewport.current
      ?.querySelector<HTMLElement>(`tr[data-index="${index}"] .tn-row-name`)
      ?.focus({ preventScroll: true })
  }
  const row = (index: number, measure?: Rows['measureElement']) => {
    const one = rows[index]
    return (
      one && (
        <TableRow
          key={keyOfRow(one, index)}
          {...(measure ? { ref: measure } : {})}
          index={index}
          columns={columns}
          row={one}
          onChoose={onChoose}
        />
      )
    )
  }
  return (
    <Table.ScrollContainer
      minWidth={leastWidthOf(columns)}
      className="tn-table-frame"
      data-windowed
      scrollAreaProps={{ type: 'auto', viewportRef: viewport }}
    >
      <Table
        className="tn-table"
        highlightOnHover
        stickyHeader
        verticalSpacing="xs"
        layout={widths ? 'fixed' : 'auto'}
        aria-rowcount={rows.length + 1}
        style={{ minWidth: least }}
        data-busy={busy || undefined}
      >
        {widths && (
          <colgroup>
            {widths.map((width, index) => (
              <col key={columns[index]?.key} style={{ width: `${width}%` }} />
            ))}
          </colgroup>
        )}
        <Table.Thead ref={headRef}>
          <HeadRow columns={columns} sort={sort} onSort={onSort} counted />
        </Table.Thead>
        <Table.Tbody
          onFocus={(event) => setActive(indexOf(event) ?? active)}
          onKeyDown={(event) => {
            const next = destinationOf(event, rows.length, virtual.range)
            if (next === undefined) return
            event.preventDefault()
            toRow(next)
          }}
        >
          {widths === undefined
            ? widest.map((index) => row(index))
            : isPrinted
              ? rows.map((_, index) => row(index))
              : inPlace(virtual, columns.length, (index) => row(index, virtual.measureElement))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

/** The rows that exist, with gaps as high as those that do not. */
function inPlace(virtual: Rows, columns: number, row: (index: number) => ReactNode) {
  let end = 0
  const parts = virtual.getVirtualItems().flatMap((item) => {
    const gap = item.start - end
    end = item.end
    return [gap > 0 && <Gap key={`before ${item.index}`} height={gap} columns={columns} />, row(item.index)]
  })
  const rest = virtual.getTotalSize() - end
  return [...parts, rest > 0 && <Gap key="rest" height={rest} columns={columns} />]
}

function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden className="tn-gap" style={{ height }}>
      <td colSpan={columns} />
    </tr>
  )
}

/** The row that has the focus, or had it last, stays, and so do those that Tab leads to from it. */
function withNeighbours(indexes: number[], active: number | undefined, { count }: Range): number[] {
  if (active === undefined) return indexes
  const near = [active - 1, active, active + 1].filter((index) => index >= 0 && index < count)
  return [...new Set([...indexes, ...near])].sort((one, other) => one - other)
}

function indexOf({ target }: FocusEvent | KeyboardEvent): number | undefined {
  const index = target instanceof Element ? target.closest('tr')?.dataset['index'] : undefined
  return index === undefined ? undefined : Number(index)
}

/** Where a key leads from a row: to the first, to the last, or as many rows on as are seen. */
function destinationOf(event: KeyboardEvent, count: number, seen: Rows['range']): number | undefined {
  const index = indexOf(event)
  if (index === undefined || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return undefined
  const step = Math.max(1, seen ? seen.endIndex - seen.startIndex - 1 : 1)
  switch (event.key) {
    case 'Home':
      return 0
    case 'End':
      return count - 1
    case 'PageUp':
      return Math.max(0, index - step)
    case 'PageDown':
      return Math.min(count - 1, index + step)
    default:
      return undefined
  }
}

/**
 * In percent, as a table that has all rows would choose them: columns that changed with the rows that happen to exist
 * would jump about. To find them, the rows with the longest texts are laid out once.
 */
function useColumnWidths(columns: readonly ViewColumn[], rows: readonly Row[]) {
  const headRef = useRef<HTMLTableSectionElement>(null)
  const keys = columns.map(({ key }) => key).join(' ')
  const [found, setFound] = useState<{ keys: string; widths: number[]; least: number | undefined }>()
  const { widths, least } = found?.keys === keys ? found : { widths: undefined, least: undefined }
  const widest = useMemo(
    () => (widths ? [] : [...new Set(columns.map((column) => longestOf(column, rows)))].sort((a, b) => a - b)),
    [widths, columns, rows],
  )
  useLayoutEffect(() => {
    if (widths || !headRef.current) return
    const cells = [...headRef.current.querySelectorAll('th')].map((cell) => cell.getBoundingClientRect().width)
    const whole = cells.reduce((sum, width) => sum + width, 0) || 1
    const room = headRef.current.closest('table')?.parentElement?.clientWidth ?? whole
    // Wider than its place: what its columns need at least.
    setFound({ keys, widths: cells.map((width) => (width / whole) * 100), least: whole > room ? whole : undefined })
  }, [keys, widths])
  return { widths, least, widest, headRef }
}

function longestOf({ key }: ViewColumn, rows: readonly Row[]): number {
  const lengths = rows.map((row) => textOf(row[key] ?? '').length)
  return lengths.indexOf(Math.max(...lengths))
}

/** Other rows begin at their top, or where they were left. */
function useBeginning(virtual: Rows, place: string, busy: boolean, offset: () => number) {
  const settled = useRef(place)
  useLayoutEffect(() => {
    if (busy || settled.current === place) return
    settled.current = place
    virtual.scrollToOffset(offset())
  }, [place, busy])
}

/** Paper has no window. */
function useIsPrinted(): boolean {
  const [isPrinted, setIsPrinted] = useState(false)
  useWindowEvent('beforeprint', () => flushSync(() => setIsPrinted(true)))
  useWindowEvent('afterprint', () => setIsPrinted(false))
  return isPrinted
}
