// @vitest-environment jsdom
import type { ViewContribution } from '@tenon/contract'
import { describe, expect, it } from 'vitest'
import type { Plugin } from '../plugins/types.js'
import { setStage } from '../testing/stage.js'
import { PluginView } from './PluginView.js'

const stage = setStage()

const plugin = { key: 'registry', displayName: 'Registry' } as Plugin
const view = {
  id: 'models',
  title: 'Models',
  route: 'GET /models',
  rows: '/items',
  total: '/total',
  columns: [{ key: 'name', title: 'Name', type: 'text', filterable: true }],
  actions: [],
} as unknown as ViewContribution

const count = (selector: string) => stage.page.querySelectorAll(selector).length

function show(rows: unknown[]): void {
  stage.answers['GET /plugins/registry/models'] = { items: rows, total: rows.length }
  stage.show(
    <PluginView
      plugin={plugin}
      view={view}
      actions={<button className="sync">Sync</button>}
      empty={
        <p>
          Nothing was brought in yet. <button className="sync">Sync</button>
        </p>
      }
    />,
  )
}

describe('a view in which there is nothing yet', () => {
  it('says once what can be done, and has nothing to filter', async () => {
    show([])
    await expect.poll(() => stage.page.textContent).toContain('Nothing was brought in yet')
    expect([count('.sync'), count('input[aria-label^="Filter"]')]).toEqual([1, 0])
  })

  it('has its actions beside the filters as soon as there is something', async () => {
    show([{ name: 'churn' }])
    await expect.poll(() => stage.page.textContent).toContain('churn')
    expect([count('.sync'), count('input[aria-label^="Filter"]')]).toEqual([1, 1])
  })
})
