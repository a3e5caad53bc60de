import type { ViewContribution } from '@tenon/contract'
import { describe, expect, it } from 'vitest'
import { readViewState, writeViewState } from './viewAddress.js'
import { firstViewState, type ViewState } from './viewState.js'

const view = {
  id: 'things',
  title: 'Things',
  route: 'GET /things',
  actions: [],
  groups: { route: 'GET /groups', by: ['kind'] },
  columns: [
    { key: 'name', title: 'Name', type: 'text', sortable: true, filterable: true },
    { key: 'kind', title: 'Kind', type: 'text', sortable: false, filterable: false },
  ],
} as unknown as ViewContribution

const read = (address: string, prefix?: string) => readViewState(view, new URLSearchParams(address), prefix)
function written(state: Partial<ViewState>, before = '', prefix?: string) {
  const parameters = new URLSearchParams(before)
  writeViewState(parameters, { ...firstViewState, ...state }, prefix)
  return parameters.toString()
}

describe('a view in an address', () => {
  it('comes back as it was', () => {
    const state = { page: 3, pageSize: 50, sort: '-name', groupBy: 'kind', filters: { name: 'a & b ' } }
    expect(read(written(state))).toEqual(state)
  })

  it('takes no room as long as it is as it was at first', () => {
    expect(written({})).toBe('')
    expect(read('')).toEqual({ ...firstViewState, sort: undefined, groupBy: undefined })
  })

  it('is not changed by what the view does not have, or nobody can count', () => {
    for (const address of [
      'sort=kind',
      'sort=--name',
      'group=name',
      'filter.kind=x',
      'rows=7',
      'page=0',
      'page=1.5',
      'page=x',
    ]) {
      expect(read(address)).toEqual(read(''))
    }
  })

  it('leaves what others wrote alone, also another view on the page', () => {
    const before = 'section=data&other.page=2&page=9&things.page=4&things.filter.name=old'
    const after = written({ sort: 'name' }, before, 'things.')
    expect(after).toBe('section=data&other.page=2&page=9&things.sort=name')
    expect(read(after, 'things.')).toMatchObject({ page: 1, sort: 'name', filters: {} })
  })
})
