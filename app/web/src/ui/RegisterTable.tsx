import { Pagination, Skeleton, Table, TextInput } from '@mantine/core'
import { Search } from 'lucide-react'
import type { ReactNode } from 'react'
import classes from './Table.module.css'

export interface Column<Row> {
  title: string
  cell: (row: Row) => ReactNode
}

interface RegisterTableProps<Row> {
  label: string
  columns: Column<Row>[]
  rows: readonly Row[]
  total: number
  loading: boolean
  query: { q: string; page: number }
  pageSize: number
  onQuery: (query: { q: string; page: number }) => void
  /** Instead of the table when there is nothing and nothing was looked for. */
  empty: ReactNode
  actions?: ReactNode
}

/** A register of the organization: searched and paged by the server. */
export function RegisterTable<Row extends { id: number }>(props: RegisterTableProps<Row>) {
  const { label, columns, rows, total, loading, query, pageSize, onQuery, empty, actions } = props
  if (!loading && total === 0 && query.q === '') return empty
  return (
    <section aria-label={label}>
      <div className={classes.bar}>
        <TextInput
          type="search"
          aria-label={`Search ${label.toLowerCase()}`}
          placeholder="Search"
          leftSection={<Search size={15} />}
          value={query.q}
          onChange={(event) => onQuery({ q: event.currentTarget.value, page: 1 })}
        />
        {actions}
      </div>
      <div className={classes.frame}>
        {loading ? (
          <div className={classes.skeleton} aria-busy aria-label="Loading">
            {[92, 84, 88, 76].map((width) => (
              <Skeleton key={width} height={16} width={`${width}%`} />
            ))}
          </div>
        ) : (
          <Table.ScrollContainer minWidth={680} scrollAreaProps={{ type: 'auto' }}>
            <Table className="tn-table" verticalSpacing="sm" horizontalSpacing="md">
              <Table.Thead>
                <Table.Tr>
                  {columns.map(({ title }) => (
                    <Table.Th key={title}>{title}</Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={row.id}>
                    {columns.map(({ title, cell }) => (
                      <Table.Td key={title}>{cell(row)}</Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
        {!loading && rows.length === 0 && <p className={classes.skeleton}>Nothing fits your search.</p>}
      </div>
      <footer className={classes.foot}>
        <span className={classes.quiet} role="status">
          {total === 1 ? '1 entry' : `${total.toLocaleString('en')} entries`}
        </span>
        {total > pageSize && (
          <Pagination
            size="sm"
            total={Math.ceil(total / pageSize)}
            value={query.page}
            onChange={(page) => onQuery({ ...query, page })}
            getControlProps={(control) => ({ 'aria-label': `${control} page` })}
            getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
          />
        )}
      </footer>
    </section>
  )
}
