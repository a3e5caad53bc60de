import { Drawer, Pagination, Select, Skeleton, Table, TextInput, UnstyledButton } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import type { ViewColumn, ViewContribution } from '@tenon/contract'
import { ArrowDown, ArrowUp, ChevronsUpDown, Search } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { pluginKeys } from '../plugins/queries.js'
import type { Plugin } from '../plugins/types.js'
import { RowCharts } from './RowCharts.js'
import { callRoute, pointed } from './route.js'
import { textOf, Value } from './Value.js'

type Row = Record<string, unknown>

export interface PluginViewProps {
  plugin: Plugin
  view: ViewContribution
  /** Shown instead of a table without rows. */
  empty?: ReactNode
  /** Buttons beside the filters. */
  actions?: ReactNode
}

const pageSizes = ['10', '25', '50', '100']
/** More make a table that nobody reads; the rest is in the drawer. */
const shownColumns = 7

/**
 * A view that a plugin declares: its figures, and its rows as a table with filters, order and pages, each row with all
 * of its values in a drawer. The server holds the rows; only a page of them is here.
 *
 * @example <PluginView plugin={plugin} view={plugin.contributes.views[0]} />
 * @since 0.1.0
 */
export function PluginView({ plugin, view, empty, actions }: PluginViewProps) {
  const [page, setPage] = useState(1)
  const [pageSize, setPageSize] = useState('10')
  const [sort, setSort] = useState<string>()
  const [filters, setFilters] = useState<Record<string, string>>({})
  const [settled] = useDebouncedValue(filters, 250)
  const [chosen, setChosen] = useState<Row>()
  const query = queryOf({ page, pageSize, sort, filters: settled })
  const answer = useQuery({
    queryKey: pluginKeys.of(plugin.key, 'view', view.id, query),
    queryFn: ({ signal }) => callRoute<unknown>(plugin.key, view.route, { query, signal }),
    placeholderData: keepPreviousData,
  })
  const rows = rowsOf(answer.data, view)
  const total = totalOf(answer.data, view, rows)
  const columns = view.columns.filter(({ type }) => type !== 'json').slice(0, shownColumns)
  const filtered = Object.values(settled).some((value) => value !== '')
  const problem = pointed(answer.data, view.problem)

  return (
    <div className="tn-view">
      <Figures view={view} data={answer.data} />
      {typeof problem === 'string' && problem !== '' && (
        <ErrorNote error={new Error(problem)} title="What is shown may be out of date" />
      )}
      <div className="tn-view-bar">
        <div className="tn-view-filters">
          {view.columns
            .filter(({ filterable }) => filterable)
            .map(({ key, title }) => (
              <TextInput
                key={key}
                size="sm"
                aria-label={`Filter by ${title}`}
                placeholder={title}
                leftSection={<Search size={14} />}
                value={filters[key] ?? ''}
                onChange={(event) => {
                  setFilters({ ...filters, [key]: event.currentTarget.value })
                  setPage(1)
                }}
              />
            ))}
        </div>
        {actions ? <div className="tn-view-actions">{actions}</div> : null}
      </div>
      {answer.error && !answer.data ? (
        <ErrorNote error={answer.error} title={`${view.title} cannot be shown`} />
      ) : answer.isPending ? (
        <TableSkeleton />
      ) : rows.length === 0 && !filtered ? (
        (empty ?? <p className="tn-view-empty">There is nothing here yet.</p>)
      ) : rows.length === 0 ? (
        <p className="tn-view-empty">Nothing fits the filters.</p>
      ) : (
        <>
          <Table.ScrollContainer minWidth={640} className="tn-table-frame" scrollAreaProps={{ type: 'auto' }}>
            <Table
              className="tn-table"
              highlightOnHover
              verticalSpacing="xs"
              data-busy={answer.isPlaceholderData || undefined}
            >
              <Table.Thead>
                <Table.Tr>
                  {columns.map((column) => (
                    <Heading key={column.key} column={column} sort={sort} onSort={(next) => setSort(next)} />
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row, index) => (
                  <Table.Tr key={textOf(row['id'] ?? index)} onClick={() => setChosen(row)} className="tn-row">
                    {columns.map((column, position) => (
                      <Table.Td key={column.key}>
                        {position === 0 ? (
                          <UnstyledButton
                            className="tn-row-name"
                            onClick={(event) => {
                              event.stopPropagation()
                              setChosen(row)
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
          <footer className="tn-view-foot">
            <span className="tn-quiet" role="status">
              {rangeOf(page, Number(pageSize), total)}
            </span>
            <Select
              size="xs"
              aria-label="Rows on a page"
              data={pageSizes.map((value) => ({ value, label: `${value} rows` }))}
              value={pageSize}
              allowDeselect={false}
              onChange={(value) => {
                setPageSize(value ?? '10')
                setPage(1)
              }}
            />
            <Pagination
              size="sm"
              total={Math.max(1, Math.ceil(total / Number(pageSize)))}
              value={page}
              onChange={setPage}
              getControlProps={(control) => ({ 'aria-label': `${control} page` })}
              getItemProps={(item) => ({ 'aria-label': `Page ${item}` })}
            />
          </footer>
        </>
      )}
      <RowDrawer plugin={plugin} row={chosen} view={view} onClose={() => setChosen(undefined)} />
    </div>
  )
}

function Figures({ view, data }: { view: ViewContribution; data: unknown }) {
  const figures = (view.figures ?? []).map(({ title, value }) => ({ title, value: pointed(data, value) }))
  if (!figures.some(({ value }) => value !== undefined && value !== null)) return null
  return (
    <dl className="tn-figures">
      {figures.map(({ title, value }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <Value value={value ?? 0} type="number" />
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Heading({ column, sort, onSort }: { column: ViewColumn; sort?: string; onSort: (sort?: string) => void }) {
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

interface RowDrawerProps {
  plugin: Plugin
  view: ViewContribution
  /** Without one the drawer is closed. */
  row: Row | undefined
  onClose: () => void
}

function RowDrawer({ plugin, view, row, onClose }: RowDrawerProps) {
  const [first, ...rest] = view.columns
  return (
    <Drawer
      opened={row !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={row && first ? textOf(row[first.key]) : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {row && (
        <div className="tn-row-detail">
          <RowCharts plugin={plugin} charts={view.detail?.charts ?? []} row={row} />
          <dl className="tn-detail">
            {rest.map(({ key, title, type }) => (
              <div key={key}>
                <dt>{title}</dt>
                <dd>
                  <Value value={row[key]} type={type} full />
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </Drawer>
  )
}

const skeletonRows = 6

function TableSkeleton() {
  return (
    <div className="tn-table-frame tn-table-skeleton" aria-busy aria-label="Loading">
      {Array.from({ length: skeletonRows }, (_, index) => (
        <Skeleton key={index} height={18} width={`${92 - index * 6}%`} />
      ))}
    </div>
  )
}

function queryOf({
  page,
  pageSize,
  sort,
  filters,
}: {
  page: number
  pageSize: string
  sort?: string
  filters: Record<string, string>
}): Record<string, string | number | undefined> {
  const given = Object.entries(filters).filter(([, value]) => value.trim() !== '')
  return { page, pageSize, sort, ...Object.fromEntries(given.map(([key, value]) => [`filter.${key}`, value.trim()])) }
}

/** How many rows a view has, asked with a page of one. */
export function viewTotal(plugin: Plugin, view: ViewContribution) {
  return queryOptions({
    queryKey: pluginKeys.of(plugin.key, 'view', view.id, 'total'),
    queryFn: async ({ signal }) => {
      const answer = await callRoute<unknown>(plugin.key, view.route, { query: { page: 1, pageSize: 1 }, signal })
      return totalOf(answer, view, rowsOf(answer, view))
    },
  })
}

function rowsOf(data: unknown, view: ViewContribution): Row[] {
  const rows = view.rows === undefined ? data : pointed(data, view.rows)
  return Array.isArray(rows) ? rows.filter((row): row is Row => typeof row === 'object' && row !== null) : []
}

function totalOf(data: unknown, view: ViewContribution, rows: Row[]): number {
  const total = pointed(data, view.total)
  return typeof total === 'number' ? total : rows.length
}

function rangeOf(page: number, pageSize: number, total: number): string {
  const from = (page - 1) * pageSize + 1
  const to = Math.min(page * pageSize, total)
  return `${from.toLocaleString('en')} to ${to.toLocaleString('en')} of ${total.toLocaleString('en')}`
}
