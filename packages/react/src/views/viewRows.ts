import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import type { ViewContribution } from '@tenon/contract'
import { pluginKeys } from '../plugins/queries.js'
import type { Plugin } from '../plugins/types.js'
import { callRoute, pointed } from './route.js'

export type Row = Record<string, unknown>

/** What of the rows is asked for. */
export interface RowsAsked {
  page: number
  pageSize: number
  sort?: string | undefined
  /** Texts that columns contain. */
  filters: Readonly<Record<string, string>>
  /** Values that columns have exactly; empty for rows without one. */
  group?: Readonly<Record<string, string>>
}

/**
 * A page of the rows of a view. The server holds them; only a page of them is here.
 *
 * `served` is how many rows the plugin puts on a page. That is what was asked for, unless it keeps to a number of its own:
 * its first page says so, which is asked for, too, where another one has not as many as it should.
 */
export function useViewRows(plugin: Plugin, view: ViewContribution, asked: RowsAsked) {
  const { page, pageSize } = asked
  const answer = useQuery({ ...pageQuery(plugin, view, asked), placeholderData: keepPreviousData })
  const here = pageOf(view, answer.data)
  const due = Math.max(0, Math.min(pageSize, here.total - (page - 1) * pageSize))
  const isOdd = answer.data !== undefined && !answer.isPlaceholderData && here.rows.length !== due
  const first = useQuery({
    ...pageQuery(plugin, view, { ...asked, page: 1 }),
    placeholderData: keepPreviousData,
    enabled: page === 1 || isOdd,
  })
  const beginning = pageOf(view, first.data)
  const isOwn = beginning.rows.length > 0 && beginning.rows.length !== Math.min(pageSize, beginning.total)
  const served = isOwn && !first.isPlaceholderData ? beginning.rows.length : pageSize
  return { answer, ...here, served, place: JSON.stringify([plugin.key, view.id, queryOf(asked)]) }
}

function pageQuery(plugin: Plugin, view: ViewContribution, asked: RowsAsked) {
  const query = queryOf(asked)
  return queryOptions({
    queryKey: pluginKeys.of(plugin.key, 'view', view.id, query),
    queryFn: ({ signal }) => callRoute<unknown>(plugin.key, view.route, { query, signal }),
  })
}

function pageOf(view: ViewContribution, answer: unknown): { rows: Row[]; total: number } {
  const rows = rowsAt(answer, view.rows)
  return { rows, total: totalAt(answer, view.total, rows) }
}

export interface Group {
  value: string
  count: number
}

/** A page of the groups into which a column divides the rows that fit the filters. */
export function useViewGroups(
  plugin: Plugin,
  view: ViewContribution,
  { by, page, pageSize, filters }: Pick<RowsAsked, 'page' | 'pageSize' | 'filters'> & { by: string },
) {
  const { groups } = view
  const query = { ...queryOf({ page, pageSize, filters }), by }
  const answer = useQuery({
    queryKey: pluginKeys.of(plugin.key, 'view', view.id, 'groups', query),
    queryFn: ({ signal }) => callRoute<unknown>(plugin.key, groups?.route ?? '', { query, signal }),
    enabled: groups !== undefined,
    placeholderData: keepPreviousData,
  })
  const rows = rowsAt(answer.data, groups?.rows)
  return { answer, groups: rows.map(toGroup), total: totalAt(answer.data, groups?.total, rows) }
}

/** How many rows a view has, asked with a page of one. */
export function viewTotal(plugin: Plugin, view: ViewContribution) {
  return queryOptions({
    queryKey: pluginKeys.of(plugin.key, 'view', view.id, 'total'),
    queryFn: async ({ signal }) => {
      const answer = await callRoute<unknown>(plugin.key, view.route, { query: { page: 1, pageSize: 1 }, signal })
      return totalAt(answer, view.total, rowsAt(answer, view.rows))
    },
  })
}

function queryOf({
  page,
  pageSize,
  sort,
  filters,
  group = {},
}: RowsAsked): Record<string, string | number | undefined> {
  const given = Object.entries(filters).filter(([, value]) => value.trim() !== '')
  return {
    page,
    pageSize,
    sort,
    ...Object.fromEntries(given.map(([key, value]) => [`filter.${key}`, value.trim()])),
    ...Object.fromEntries(Object.entries(group).map(([key, value]) => [`group.${key}`, value])),
  }
}

function rowsAt(answer: unknown, pointer: string | undefined): Row[] {
  const rows = pointer === undefined ? answer : pointed(answer, pointer)
  return Array.isArray(rows) ? rows.filter((row): row is Row => typeof row === 'object' && row !== null) : []
}

function totalAt(answer: unknown, pointer: string | undefined, rows: readonly Row[]): number {
  const total = pointed(answer, pointer)
  return typeof total === 'number' ? total : rows.length
}

function toGroup({ value, count }: Row): Group {
  const known = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  return { value: known ? String(value) : '', count: Number(count) || 0 }
}
