import { Button, Pagination, Skeleton, Table, TextInput } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { useTypedText } from '@tenon/react'
import { Search } from 'lucide-react'
import type { ReactNode } from 'react'
import classes from './Table.module.css'
import type { RegisterQuery } from './useRegisterQuery.js'

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
  /** The rows are still those of what was looked for before. */
  earlier: boolean
  query: RegisterQuery
  pageSize: number
  onQuery: (query: RegisterQuery) => void
  /** Instead of the table when there is nothing and nothing was looked for. */
  empty: ReactNode
  actions?: ReactNode
}

/** A register of the organization: searched and paged by the server. */
export function RegisterTable<Row extends { id: number }>(props: RegisterTableProps<Row>) {
  const { label, columns, rows, total, loading, earlier, query, pageSize, onQuery, empty, actions } = props
  const [text, enter] = useTypedText(query.q, (q) => onQuery({ q, page: 1 }))
  if (!loading && !earlier && total === 0 && query.q === '' && text === '') return empty
  return (
    <section aria-label={label}>
      <div className={classes.bar}>
        <TextInput
          type="search"
          aria-label={`Search ${label.toLowerCase()}`}
          placeholder="Search"
          leftSection={<Search size={15} />}
          value={text}
          onChange={(event) => enter(event.currentTarget.value)}
        />
        {actions}
      </div>
      <div className={classes.frame}>
        {loading ? (
          <div className={classes.skeleton} role="status" aria-busy aria-label="Loading">
            {[92, 84, 88, 76].map((width) => (
              <Skeleton key={width} height={16} width={`${width}%`} />
            ))}
          </div>
        ) : (
          <Table.ScrollContainer minWidth={600} scrollAreaProps={{ type: 'auto' }}>
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
        {!loading && rows.length === 0 && total === 0 && <p className={classes.skeleton}>Nothing fits your search.</p>}
        {!loading && rows.length === 0 && total > 0 && (
          <div className={classes.skeleton}>
            <p>There is no page {query.page.toLocaleString('en')} of it.</p>
            <Button size="xs" variant="default" mt="sm" onClick={() => onQuery({ ...query, page: 1 })}>
              Go to the first page
            </Button>
          </div>
        )}
      </div>
      <footer className={classes.foot}>
        <span className={classes.quiet} role="status">
          {loading ? '' : countOf(total, 'entry', 'entries')}
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
