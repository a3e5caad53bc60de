import type { ViewContribution } from '@tenon/contract'
import { firstViewState, pageSizes, type ViewState } from './viewState.js'

/**
 * What the parameters of an address say of a view. What it does not have is left out: somebody may have written them by
 * hand, or the plugin is another version by now. `prefix` tells views on one page apart.
 *
 * @example
 * const parameters = new URLSearchParams('page=2&sort=-version&filter.name=churn')
 * const states = plugin.contributes?.views.map((view) => readViewState(view, parameters))
 * @since 0.1.0
 */
export function readViewState(view: ViewContribution, parameters: URLSearchParams, prefix = ''): ViewState {
  const given = (name: string) => parameters.get(prefix + name) ?? ''
  const [sort, groupBy, rows, page] = [given('sort'), given('group'), Number(given('rows')), Number(given('page'))]
  const filters = view.columns
    .filter(({ filterable }) => filterable)
    .map(({ key }) => [key, given(`filter.${key}`)] as const)
    .filter(([, text]) => text !== '')
  return {
    page: Number.isSafeInteger(page) && page > 0 ? page : firstViewState.page,
    pageSize: pageSizes.includes(rows) ? rows : firstViewState.pageSize,
    sort: view.columns.some(({ key, sortable }) => sortable && key === sort.replace(/^-/, '')) ? sort : undefined,
    groupBy: view.groups?.by.includes(groupBy) ? groupBy : undefined,
    filters: Object.fromEntries(filters),
  }
}

/**
 * Writes into the parameters what `readViewState` finds in them, and leaves the others alone. What is as it is at first
 * needs no parameter.
 *
 * @since 0.1.0
 */
export function writeViewState(parameters: URLSearchParams, state: ViewState, prefix = ''): void {
  const { page, pageSize, sort, groupBy, filters } = state
  const own = new RegExp(`^(page|rows|sort|group|filter\\..*)$`)
  for (const name of [...parameters.keys()]) {
    if (name.startsWith(prefix) && own.test(name.slice(prefix.length))) parameters.delete(name)
  }
  const given: [string, string | number | undefined][] = [
    ...Object.entries(filters).map(([key, text]): [string, string] => [`filter.${key}`, text]),
    ['group', groupBy],
    ['sort', sort],
    ['rows', pageSize === firstViewState.pageSize ? undefined : pageSize],
    ['page', page === firstViewState.page ? undefined : page],
  ]
  for (const [name, value] of given) if (value !== undefined) parameters.set(prefix + name, String(value))
}
