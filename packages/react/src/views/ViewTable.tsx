import { Skeleton, Table } from '@mantine/core'
import { HeadRow, keyOfRow, leastWidthOf, TableRow, type ViewTableProps } from './TableRow.js'
import { WindowedTable } from './WindowedTable.js'

/** So many all exist: a browser finds and prints what there is. Of more, only those near what is seen do. */
const mostWhole = 100

/** Rows of a view. The name in the first column is what the keyboard opens a row with. */
export function ViewTable(props: ViewTableProps) {
  return props.rows.length > mostWhole ? <WindowedTable {...props} /> : <WholeTable {...props} />
}

function WholeTable({ columns, rows, busy, sort, onSort, onChoose }: ViewTableProps) {
  return (
    <Table.ScrollContainer
      minWidth={leastWidthOf(columns)}
      className="tn-table-frame"
      scrollAreaProps={{ type: 'auto' }}
    >
      <Table className="tn-table" highlightOnHover verticalSpacing="xs" data-busy={busy || undefined}>
        <Table.Thead>
          <HeadRow columns={columns} sort={sort} onSort={onSort} />
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => (
            <TableRow key={keyOfRow(row, index)} columns={columns} row={row} onChoose={onChoose} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
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
