import { Button, Pagination, Select, Skeleton, Table, UnstyledButton } from '@mantine/core'
import type { ViewColumn } from '@tenon/contract'
import { ArrowDown, ArrowUp, ChevronsUpDown } from 'lucide-react'
import { textOf, Value } from './Value.js'
import type { Row } from './viewRows.js'
import { pageSizes } from './viewState.js'

interface ViewTableProps {
  columns: readonly ViewColumn[]
  rows: readonly Row[]
  /** Other rows are on their way. */
  busy: boolean
  sort: string | undefined
  onSort: (sort?: string) => void
  onChoose: (row: Row) => void
}

/** Rows of a view. The name in the first column is what the keyboard opens a row with. */
export function ViewTable({ columns, rows, busy, sort, onSort, onChoose }: ViewTableProps) {
  return (
    <Table.ScrollContainer minWidth={640} className="tn-table-frame" scrollAreaProps={{ type: 'auto' }}>
      <Table className="tn-table" highlightOnHover verticalSpacing="xs" data-busy={busy || undefined}>
        <Table.Thead>
          <Table.Tr>
            {columns.map((column) => (
              <Heading key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => (
            <Table.Tr key={textOf(row['id'] ?? index)} onClick={() => onChoose(row)} className="tn-row">
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
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Heading({ column, sort, onSort }: Pick<ViewTableProps, 'sort' | 'onSort'> & { column: ViewColumn }) {
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

interface ViewPagesProps {
  page: number
  pageSize: number
  total: number
  onPage: (page: number) => void
  /** Without it the size of a page is not offered. */
  onPageSize?: (pageSize: number) => void
}

/** Which of the rows are shown, and the way to the others. */
export function ViewPages({ page, pageSize, total, onPage, onPageSize }: ViewPagesProps) {
  return (
    <footer className="tn-view-foot">
      <span className="tn-quiet" role="status">
        {rangeOf(page, pageSize, total)}
      </span>
      {onPageSize && (
        <Select
          className="tn-page-size"
          size="xs"
          aria-label="Rows on a page"
          data={pageSizes.map((size) => ({ value: String(size), label: `${size} rows` }))}
          value={String(pageSize)}
          allowDeselect={false}
          onChange={(value) => onPageSize(Number(value))}
        />
      )}
      <Pagination
        size="sm"
        total={Math.max(1, Math.ceil(total / pageSize))}
        value={page}
        onChange={onPage}
        getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
      />
    </footer>
  )
}

function rangeOf(page: number, pageSize: number, total: number): string {
  const from = (page - 1) * pageSize + 1
  const to = Math.min(page * pageSize, total)
  return `${from.toLocaleString('en')} to ${to.toLocaleString('en')} of ${total.toLocaleString('en')}`
}

/** Where an address leads to a page that there is not, or no longer. */
export function PastTheEnd({ page, onPage }: Pick<ViewPagesProps, 'page' | 'onPage'>) {
  return (
    <div className="tn-view-empty">
      <p>There is no page {page.toLocaleString('en')} of it.</p>
      <Button size="xs" variant="default" mt="sm" onClick={() => onPage(1)}>
        Go to the first page
      </Button>
    </div>
  )
}

/** Filters that leave nothing, and the way out of them. */
export function NothingFits({ onClear }: { onClear: () => void }) {
  return (
    <div className="tn-view-empty">
      <p>Nothing fits the filters.</p>
      <Button size="xs" variant="default" mt="sm" onClick={onClear}>
        Clear the filters
      </Button>
    </div>
  )
}

const skeletonRows = 6

export function TableSkeleton() {
  return (
    <div className="tn-table-frame tn-table-skeleton" role="status" aria-busy aria-label="Loading">
      {Array.from({ length: skeletonRows }, (_, index) => (
        <Skeleton key={index} height={18} width={`${92 - index * 6}%`} />
      ))}
    </div>
  )
}
