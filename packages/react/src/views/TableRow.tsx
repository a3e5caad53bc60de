import { Table, UnstyledButton } from '@mantine/core'
import type { ViewColumn } from '@tenon/contract'
import { ArrowDown, ArrowUp, ChevronsUpDown } from 'lucide-react'
import { memo, type Ref } from 'react'
import { textOf, Value } from './Value.js'
import type { Row } from './viewRows.js'

export interface ViewTableProps {
  columns: readonly ViewColumn[]
  rows: readonly Row[]
  /** Other rows are on their way. */
  busy: boolean
  /** Tells what is shown from what else the view may show: a large page is left and found again where it was. */
  place?: string
  sort: string | undefined
  onSort: (sort?: string) => void
  onChoose: (row: Row) => void
}

interface HeadRowProps extends Pick<ViewTableProps, 'columns' | 'sort' | 'onSort'> {
  /** Where not all rows exist, each says which of them it is; this is the first. */
  counted?: boolean
}

export function HeadRow({ columns, sort, onSort, counted = false }: HeadRowProps) {
  return (
    <Table.Tr aria-rowindex={counted ? 1 : undefined}>
      {columns.map((column) => (
        <Heading key={column.key} column={column} sort={sort} onSort={onSort} />
      ))}
    </Table.Tr>
  )
}

function Heading({ column, sort, onSort }: Pick<HeadRowProps, 'sort' | 'onSort'> & { column: ViewColumn }) {
  const { key, title, sortable } = column
  if (!sortable) return <Table.Th>{title}</Table.Th>
  const direction = sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : 'none'
  const Icon = { ascending: ArrowUp, descending: ArrowDown, none: ChevronsUpDown }[direction]
  const next = { none: key, ascending: `-${key}`, descending: undefined }[direction]
  return (
    <Table.Th aria-sort={direction}>
      <UnstyledButton className="tn-sort" onClick={() => onSort(next)}>
        {title}
        <Icon size={13} aria-hidden />
      </UnstyledButton>
    </Table.Th>
  )
}

interface TableRowProps extends Pick<ViewTableProps, 'columns' | 'onChoose'> {
  row: Row
  /** Its place among all rows of the page, where not all of them exist. */
  index?: number
  ref?: Ref<HTMLTableRowElement>
}

/** Drawn again only when it is another row, or has other columns. */
export const TableRow = memo(function TableRow({ columns, row, onChoose, index, ref }: TableRowProps) {
  return (
    <Table.Tr
      ref={ref}
      data-index={index}
      // The head of the table is the first.
      aria-rowindex={index === undefined ? undefined : index + 2}
      onClick={() => onChoose(row)}
      className="tn-row"
    >
      {columns.map((column, position) => (
        <Table.Td key={column.key}>
          {position === 0 ? (
            <UnstyledButton
              className="tn-row-name"
              onClick={(event) => {
                event.stopPropagation()
                onChoose(row)
              }}
            >
              <Value value={row[column.key]} type={column.type} />
            </UnstyledButton>
          ) : (
            <Value value={row[column.key]} type={column.type} />
          )}
        </Table.Td>
      ))}
    </Table.Tr>
  )
})

/** What tells a row from the others of its page. */
export const keyOfRow = (row: Row, index: number): string => textOf(row['id'] ?? index)

/** Of a table, in pixels: two columns fit on a telephone, and many are moved sideways rather than squeezed. */
export const leastWidthOf = (columns: ViewTableProps['columns']): number => Math.min(640, columns.length * 130)
