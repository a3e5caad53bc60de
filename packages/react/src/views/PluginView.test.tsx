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

describe('a view of few columns', () => {
  it.each([
    [2, 260],
    [7, 640],
  ])('with %s of them needs a width of %s pixels', async (columns, pixels) => {
    stage.answers['GET /plugins/registry/models'] = { items: [{ name0: 'churn' }], total: 1 }
    const keys = Array.from({ length: columns }, (_, index) => ({ key: `name${index}`, title: 'Name', type: 'text' }))
    stage.show(<PluginView plugin={plugin} view={{ ...view, columns: keys } as unknown as ViewContribution} />)
    await expect.poll(() => stage.page.textContent).toContain('churn')
    const needed = stage.page.querySelector<HTMLElement>('.tn-table-frame')?.style.getPropertyValue('--table-min-width')
    expect(needed).toContain(`${pixels / 16}rem`)
  })
})

describe('a plugin that gives fewer rows than it was asked for', () => {
  const state = (page: number, pageSize = 100) => ({ page, pageSize, filters: {} })
  const most = 20
  const total = 50

  /** Pages of 20, whatever is asked for. */
  function servePages(): void {
    stage.answers['GET /plugins/registry/models'] = () => {
      const address = stage.asked.at(-1)?.split(' ')[1] ?? ''
      const asked = new URL(address, 'http://server').searchParams
      const from = (Number(asked.get('page')) - 1) * most
      const items = Array.from({ length: Math.max(0, Math.min(most, total - from)) }, (_, index) => ({
        id: from + index,
        name: `row ${from + index + 1}`,
      }))
      return { items, total }
    }
  }
  const foot = () => stage.page.querySelector('.tn-view-foot [role="status"]')?.textContent
  const names = () => [...stage.page.querySelectorAll('.tn-row-name')].map(({ textContent }) => textContent)

  it('is shown with pages of its size, and with a word about it', async () => {
    servePages()
    stage.show(<PluginView plugin={plugin} view={view} state={state(1)} />)
    await expect.poll(foot).toBe('1 to 20 of 50. The plugin gives at most 20 at once')
    expect(stage.page.querySelector('[aria-label="Page 3"]')).not.toBeNull()
    expect(stage.page.querySelector('[aria-label="Page 4"]')).toBeNull()
    stage.show(<PluginView plugin={plugin} view={view} state={state(2)} />)
    await expect.poll(() => names()[0]).toBe('row 21')
    await expect.poll(foot).toBe('21 to 40 of 50. The plugin gives at most 20 at once')
  })

  it('has a last page that is what it says, also for who comes there by a link', async () => {
    servePages()
    stage.show(<PluginView plugin={plugin} view={view} state={state(3)} />)
    await expect.poll(foot).toBe('41 to 50 of 50. The plugin gives at most 20 at once')
    expect(names()).toEqual(Array.from({ length: 10 }, (_, index) => `row ${index + 41}`))
  })

  it('is asked once for what it gives as asked', async () => {
    servePages()
    stage.show(<PluginView plugin={plugin} view={view} state={state(3, 20)} />)
    await expect.poll(foot).toBe('41 to 50 of 50')
    expect(stage.asked).toHaveLength(1)
  })

  it('that refuses such a size is asked for less', async () => {
    const changes: unknown[] = []
    stage.show(
      <PluginView plugin={plugin} view={view} state={state(1)} onStateChange={(_, change) => changes.push(change)} />,
    )
    await expect.poll(() => stage.page.textContent).toContain('Models cannot be shown')
    stage.click('Show 10 rows')
    expect(changes).toEqual([{ pageSize: 10 }])
  })
})

describe('a plugin that gives far more rows than it was asked for', () => {
  it('is shown as it answers, and of its rows only those near what is seen exist', async () => {
    show(Array.from({ length: 20_000 }, (_, id) => ({ id, name: `row ${id + 1}` })))
    await expect.poll(() => stage.page.querySelector('table')?.getAttribute('aria-rowcount')).toBe('20001')
    expect(count('tbody tr')).toBeLessThan(200)
    expect(stage.page.querySelector('.tn-view-foot [role="status"]')?.textContent).toContain('1 to 20,000 of 20,000')
  })
})
