import { Select, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import type { ViewContribution } from '@tenon/contract'
import { Layers, Search } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import type { Plugin } from '../plugins/types.js'
import { pointed } from './route.js'
import { RowDrawer } from './RowDrawer.js'
import { Value } from './Value.js'
import { ViewGroups } from './ViewGroups.js'
import { type Row, useViewRows } from './viewRows.js'
import { TableSkeleton, ViewPages, ViewTable } from './ViewTable.js'

export interface PluginViewProps {
  plugin: Plugin
  view: ViewContribution
  /** Shown instead of a table without rows. */
  empty?: ReactNode
  /** Buttons beside the filters. */
  actions?: ReactNode
}

/** More make a table that nobody reads; the rest is in the drawer. */
const shownColumns = 7

/**
 * A view that a plugin declares: its figures, and its rows as a table with filters, order, groups and pages, each row
 * with all of its values and charts in a drawer. The server holds the rows; only a page of them is here.
 *
 * @example <PluginView plugin={plugin} view={plugin.contributes.views[0]} />
 * @since 0.1.0
 */
export function PluginView({ plugin, view, empty, actions }: PluginViewProps) {
  const [page, setPage] = useState(1)
  const [pageSize, setPageSize] = useState('10')
  const [sort, setSort] = useState<string>()
  const [groupBy, setGroupBy] = useState<string>()
  const [filters, setFilters] = useState<Record<string, string>>({})
  const [settled] = useDebouncedValue(filters, 250)
  const [chosen, setChosen] = useState<Row>()
  const { answer, rows, total } = useViewRows(plugin, view, { page, pageSize, sort, filters: settled })
  const columns = view.columns.filter(({ type }) => type !== 'json').slice(0, shownColumns)
  const by = view.columns.find(({ key }) => key === groupBy)
  const filtered = Object.values(settled).some((value) => value !== '')
  const problem = pointed(answer.data, view.problem)
  const table = { columns, sort, onSort: setSort, onChoose: setChosen }

  return (
    <div className="tn-view">
      <Figures view={view} data={answer.data} />
      {typeof problem === 'string' && problem !== '' && (
        <ErrorNote error={new Error(problem)} title="What is shown may be out of date" />
      )}
      <div className="tn-view-bar">
        <div className="tn-view-filters">
          <Filters
            view={view}
            filters={filters}
            onChange={(changed) => {
              setFilters(changed)
              setPage(1)
            }}
          />
          <GroupBy view={view} value={groupBy} onChange={setGroupBy} />
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
      ) : by ? (
        <ViewGroups key={by.key} plugin={plugin} view={view} by={by} filters={settled} {...table} />
      ) : (
        <>
          <ViewTable rows={rows} busy={answer.isPlaceholderData} {...table} />
          <ViewPages
            page={page}
            pageSize={pageSize}
            total={total}
            onPage={setPage}
            onPageSize={(size) => {
              setPageSize(size)
              setPage(1)
            }}
          />
        </>
      )}
      <RowDrawer plugin={plugin} view={view} row={chosen} onClose={() => setChosen(undefined)} />
    </div>
  )
}

interface FiltersProps {
  view: ViewContribution
  filters: Readonly<Record<string, string>>
  onChange: (filters: Record<string, string>) => void
}

function Filters({ view, filters, onChange }: FiltersProps) {
  return view.columns
    .filter(({ filterable }) => filterable)
    .map(({ key, title }) => (
      <TextInput
        key={key}
        size="sm"
        aria-label={`Filter by ${title}`}
        placeholder={title}
        leftSection={<Search size={14} />}
        value={filters[key] ?? ''}
        onChange={(event) => onChange({ ...filters, [key]: event.currentTarget.value })}
      />
    ))
}

interface GroupByProps {
  view: ViewContribution
  value: string | undefined
  onChange: (key: string | undefined) => void
}

function GroupBy({ view, value, onChange }: GroupByProps) {
  const columns = view.columns.filter(({ key }) => view.groups?.by.includes(key))
  if (columns.length === 0) return null
  return (
    <Select
      size="sm"
      aria-label="Group by"
      data={[
        { value: '', label: 'No groups' },
        ...columns.map(({ key, title }) => ({ value: key, label: `By ${title}` })),
      ]}
      value={value ?? ''}
      allowDeselect={false}
      leftSection={<Layers size={14} />}
      onChange={(key) => onChange(key || undefined)}
    />
  )
}

function Figures({ view, data }: { view: ViewContribution; data: unknown }) {
  const figures = (view.figures ?? []).map((figure) => ({ ...figure, value: pointed(data, figure.value) }))
  if (!figures.some(({ value }) => value !== undefined && value !== null)) return null
  return (
    <dl className="tn-figures">
      {figures.map(({ title, value, type = 'number' }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <Value value={type === 'number' ? (value ?? 0) : value} type={type} />
          </dd>
        </div>
      ))}
    </dl>
  )
}
