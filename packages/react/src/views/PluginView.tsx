import { Button, Select, TextInput } from '@mantine/core'
import type { ViewContribution } from '@tenon/contract'
import { Layers, Search } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { useKeptFocus } from '../api/useKeptFocus.js'
import { PluginBoundary } from '../frame/PluginBoundary.js'
import type { Plugin } from '../plugins/types.js'
import { pointed } from './route.js'
import { RowDrawer } from './RowDrawer.js'
import { NothingFits, PastTheEnd, ViewPages } from './ViewPages.js'
import { useTypedText } from './useTypedText.js'
import { Value } from './Value.js'
import { ViewGroups } from './ViewGroups.js'
import { type Row, useViewRows } from './viewRows.js'
import { firstViewState, useViewState, type ViewStateProps } from './viewState.js'
import { TableSkeleton, ViewTable } from './ViewTable.js'

export interface PluginViewProps extends ViewStateProps {
  plugin: Plugin
  view: ViewContribution
  /** Shown instead of a table without rows, and of its filters and actions: it says what can be done. */
  empty?: ReactNode
  /** Buttons beside the filters. */
  actions?: ReactNode
}

/** More make a table that nobody reads; the rest is in the drawer. */
const shownColumns = 7

/**
 * A view that a plugin declares: its figures, and its rows as a table with filters, order, groups and pages, each row
 * with all of its values and charts in a drawer. The server holds the rows; only a page of them is here. With `state`
 * the application holds what is shown, to keep it in its address: see `readViewState` and `writeViewState`.
 *
 * @example return plugin.contributes?.views.map((view) => <PluginView key={view.id} plugin={plugin} view={view} />)
 * @since 0.1.0
 */
export function PluginView(props: PluginViewProps) {
  return (
    <PluginBoundary plugin={props.plugin}>
      <View {...props} />
    </PluginBoundary>
  )
}

function View({ plugin, view, empty, actions, ...held }: PluginViewProps) {
  const { current, change, filter } = useViewState(held)
  const { page, pageSize, sort, groupBy, filters } = current
  const [chosen, setChosen] = useState<Row>()
  // What could be done while there was nothing goes when something comes.
  const focus = useKeptFocus<HTMLDivElement>()
  const by = view.columns.find(({ key }) => key === groupBy)
  // The page of the groups is not one of the rows, which are asked for their figures then.
  const { answer, rows, total, served, place } = useViewRows(plugin, view, {
    page: by ? 1 : page,
    pageSize,
    sort,
    filters,
  })
  const columns = view.columns.filter(({ type }) => type !== 'json').slice(0, shownColumns)
  const filtered = Object.values(filters).some((text) => text.trim() !== '')
  const problem = pointed(answer.data, view.problem)
  const isEmpty =
    answer.data !== undefined &&
    rows.length === 0 &&
    !filtered &&
    !answer.isPlaceholderData &&
    (page === 1 || by !== undefined)
  // There is nothing to filter, and what can be done is said there.
  const saysItAll = isEmpty && empty !== undefined
  const toPage = (next: number) => change({ page: next })
  const table = { columns, sort, onSort: (next?: string) => change({ sort: next }), onChoose: setChosen }

  return (
    <div className="tn-view" {...focus}>
      <Figures view={view} data={answer.data} filtered={filtered} />
      {typeof problem === 'string' && problem !== '' && (
        <ErrorNote error={new Error(problem)} title="What is shown may be out of date" />
      )}
      {!saysItAll && (
        <div className="tn-view-bar">
          <div className="tn-view-filters">
            <Filters view={view} filters={filters} onChange={filter} />
            <GroupBy view={view} value={groupBy} onChange={(key) => change({ groupBy: key })} />
          </div>
          {actions ? <div className="tn-view-actions">{actions}</div> : null}
        </div>
      )}
      {answer.error && !answer.data ? (
        <>
          <ErrorNote
            error={answer.error}
            title={`${view.title} cannot be shown`}
            onRetry={() => void answer.refetch()}
          />
          {/* It may be the size that the plugin does not take. */}
          {pageSize > firstViewState.pageSize && (
            <Button
              size="xs"
              variant="default"
              className="tn-fewer"
              onClick={() => change({ pageSize: firstViewState.pageSize })}
            >
              Show {firstViewState.pageSize} rows
            </Button>
          )}
        </>
      ) : answer.isPending ? (
        <TableSkeleton />
      ) : rows.length === 0 && page > 1 && !by ? (
        <PastTheEnd page={page} onPage={toPage} />
      ) : isEmpty ? (
        (empty ?? <p className="tn-view-empty">There is nothing here yet.</p>)
      ) : rows.length === 0 ? (
        <NothingFits onClear={() => change({ filters: {} })} />
      ) : by ? (
        <ViewGroups
          key={by.key}
          plugin={plugin}
          view={view}
          by={by}
          filters={filters}
          onClear={() => change({ filters: {} })}
          page={page}
          onPage={toPage}
          {...table}
        />
      ) : (
        <>
          <ViewTable rows={rows} busy={answer.isPlaceholderData} place={place} {...table} />
          <ViewPages
            page={page}
            pageSize={pageSize}
            served={served}
            total={total}
            onPage={toPage}
            onPageSize={(size) => change({ pageSize: size })}
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
  onChange: (column: string, text: string) => void
}

function Filters({ view, filters, onChange }: FiltersProps) {
  return view.columns
    .filter(({ filterable }) => filterable)
    .map(({ key, title }) => (
      <FilterField key={key} title={title} value={filters[key] ?? ''} onChange={(text) => onChange(key, text)} />
    ))
}

interface FilterFieldProps {
  title: string
  value: string
  onChange: (text: string) => void
}

function FilterField({ title, value, onChange }: FilterFieldProps) {
  const [text, enter] = useTypedText(value, onChange)
  return (
    <TextInput
      size="sm"
      aria-label={`Filter by ${title}`}
      placeholder={title}
      leftSection={<Search size={14} />}
      value={text}
      onChange={(event) => enter(event.currentTarget.value)}
    />
  )
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
        ...columns.map(({ key, title }) => ({ value: key, label: `By ${title.toLowerCase()}` })),
      ]}
      value={value ?? ''}
      allowDeselect={false}
      leftSection={<Layers size={14} />}
      onChange={(key) => onChange(key || undefined)}
    />
  )
}

interface FiguresProps {
  view: ViewContribution
  data: unknown
  /** Only some of the rows are shown below: the figures are of all of them, and say so. */
  filtered: boolean
}

function Figures({ view, data, filtered }: FiguresProps) {
  const figures = (view.figures ?? []).map((figure) => ({ ...figure, value: pointed(data, figure.value) }))
  if (!figures.some(({ value }) => value !== undefined && value !== null)) return null
  return (
    <div>
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
      {filtered && <p className="tn-figures-note">Of all entries, not only of those that fit the filters.</p>}
    </div>
  )
}
