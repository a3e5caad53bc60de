import { UnstyledButton } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import type { ViewColumn, ViewContribution } from '@tenon/contract'
import { ChevronRight } from 'lucide-react'
import { useId, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import type { Plugin } from '../plugins/types.js'
import { Value } from './Value.js'
import { type Group, type Row, useViewGroups, useViewRows } from './viewRows.js'
import { NothingFits, PastTheEnd, ViewPages } from './ViewPages.js'
import { TableSkeleton, ViewTable } from './ViewTable.js'

interface ViewGroupsProps {
  plugin: Plugin
  view: ViewContribution
  /** The column that divides the rows. */
  by: ViewColumn
  columns: readonly ViewColumn[]
  filters: Readonly<Record<string, string>>
  page: number
  onPage: (page: number) => void
  sort: string | undefined
  onSort: (sort?: string) => void
  onChoose: (row: Row) => void
  /** Takes the filters away. */
  onClear: () => void
}

type GroupItemProps = Omit<ViewGroupsProps, 'page' | 'onPage' | 'onClear'> & { group: Group }

const groupsOnPage = 25
const rowsOnPage = 10

/** The rows of a view in groups that are opened one by one. The server counts them, and pages in each. */
export function ViewGroups({ page, onPage, onClear, ...items }: ViewGroupsProps) {
  const { plugin, view, by, filters } = items
  const { answer, groups, total } = useViewGroups(plugin, view, {
    by: by.key,
    page,
    pageSize: groupsOnPage,
    filters,
  })
  if (answer.error && !answer.data) {
    return (
      <ErrorNote
        error={answer.error}
        title={`${view.title} cannot be shown in groups`}
        onRetry={() => void answer.refetch()}
      />
    )
  }
  if (answer.isPending) return <TableSkeleton />
  if (groups.length === 0 && page > 1) return <PastTheEnd page={page} onPage={onPage} />
  if (groups.length === 0) return <NothingFits onClear={onClear} />
  return (
    <>
      <ul className="tn-groups" aria-label={`Groups by ${by.title}`}>
        {groups.map((group) => (
          <GroupItem key={group.value} {...items} group={group} />
        ))}
      </ul>
      {total > groupsOnPage && <ViewPages page={page} pageSize={groupsOnPage} total={total} onPage={onPage} />}
    </>
  )
}

function GroupItem({ group, ...rest }: GroupItemProps) {
  const [opened, setOpened] = useState(false)
  const id = useId()
  const { title, type } = rest.by
  return (
    <li>
      <UnstyledButton
        className="tn-group"
        aria-expanded={opened}
        aria-controls={opened ? id : undefined}
        onClick={() => setOpened(!opened)}
      >
        <ChevronRight size={15} aria-hidden />
        <span className="tn-group-name">
          {group.value === '' ? `No ${title.toLowerCase()}` : <Value value={group.value} type={type} />}
        </span>
        <span className="tn-quiet">{countOf(group.count, 'entry', 'entries')}</span>
      </UnstyledButton>
      {opened && (
        <div id={id} className="tn-group-rows">
          <GroupRows {...rest} group={group} />
        </div>
      )}
    </li>
  )
}

function GroupRows({ plugin, view, by, columns, filters, sort, group, ...rest }: GroupItemProps) {
  const [page, setPage] = useState(1)
  const asked = { page, pageSize: rowsOnPage, sort, filters, group: { [by.key]: group.value } }
  const { answer, rows, total } = useViewRows(plugin, view, asked)
  if (answer.error && !answer.data)
    return <ErrorNote error={answer.error} title="The group cannot be shown" onRetry={() => void answer.refetch()} />
  if (answer.isPending) return <TableSkeleton />
  // All rows have the same in the column of the group.
  const others = columns.filter(({ key }) => key !== by.key)
  return (
    <>
      <ViewTable
        columns={others.length === 0 ? columns : others}
        rows={rows}
        busy={answer.isPlaceholderData}
        sort={sort}
        {...rest}
      />
      {total > rowsOnPage && <ViewPages page={page} pageSize={rowsOnPage} total={total} onPage={setPage} />}
    </>
  )
}
