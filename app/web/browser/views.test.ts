import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { settle, signIn, visit, type Visitor } from './visitor.js'
import { fillWorld, people } from './world.js'

let tenon: Tenon
let browser: Browser
let visitor: Visitor
let page: Page
beforeAll(async () => {
  ;[tenon, browser] = await Promise.all([startTenon(), startBrowser()])
  await fillWorld(tenon)
  visitor = await visit(browser, { baseURL: tenon.url })
  page = visitor.page
  await page.goto('/models?view=mlflow.models')
  await signIn(page, people.reader)
  await settle(page)
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
})

describe('a chart that a plugin declares for its rows', { timeout: 60_000 }, () => {
  it('is in the drawer of a row, and is read place by place with the arrow keys', async () => {
    await page.locator('.tn-row-name').first().press('Enter')
    const chart = page.getByRole('dialog').getByRole('figure', { name: 'auc' })
    const plot = chart.getByRole('application')
    await plot.focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    const tip = chart.locator('.tn-trend-tip')
    await tip.waitFor()
    const second = await tip.textContent()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(() => tip.textContent()).not.toBe(second)
  })

  it('is there in words and as a table too', async () => {
    const chart = page.getByRole('dialog').getByRole('figure', { name: 'auc' })
    const words = await chart.evaluate((figure) => {
      const id = figure.getAttribute('aria-describedby') ?? ''
      return document.getElementById(id)?.textContent
    })
    expect(words).toMatch(/^auc: from [\d.]+ at 1 to [\d.]+ at 4, at least [\d.]+, at most [\d.]+\.$/)
    await chart.getByText('As a table').press('Enter')
    const heads = chart.getByRole('rowheader')
    expect(await heads.allTextContents()).toEqual(['1', '2', '3', '4'])
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })
})

describe('the rows of a view', { timeout: 60_000 }, () => {
  const groupBy = () => page.getByRole('combobox', { name: 'Group by' })

  it('are divided by what the plugin allows, and counted where they are', async () => {
    await groupBy().click()
    expect(await page.getByRole('option').allTextContents()).toEqual([
      'No groups',
      'By model name',
      'By stage',
      'By experiment',
    ])
    await page.getByRole('option', { name: 'By stage' }).click()
    await page.getByRole('button', { name: 'Production 12 entries' }).click()
    await page.locator('.tn-group-rows .tn-row').nth(9).waitFor()
    await page.locator('.tn-group-rows').getByText('1 to 10 of 12').waitFor()
    // What all of its rows have in common stands in the name of the group.
    expect(await page.locator('.tn-group-rows').getByRole('columnheader', { name: 'Stage' }).count()).toBe(0)
    await page.locator('.tn-group-rows').getByRole('button', { name: 'next page' }).click()
    await page.locator('.tn-group-rows').getByText('11 to 12 of 12').waitFor()
  })

  it('are divided of those that fit the filters only, and shown whole again', async () => {
    await page.getByLabel('Filter by Model name').fill('churn-prediction-2')
    await page.getByRole('button', { name: 'Production 1 entry' }).waitFor()
    await page.getByLabel('Filter by Model name').fill('nothing like this')
    await page.getByText('Nothing fits the filters.').waitFor()
    await page.getByRole('button', { name: 'Clear the filters' }).click()
    await page.getByRole('button', { name: 'Production 12 entries' }).waitFor()
    expect(await page.getByLabel('Filter by Model name').inputValue()).toBe('')
    await groupBy().focus()
    await page.keyboard.press('ArrowDown')
    await page.getByRole('option', { name: 'By stage' }).waitFor()
    for (const key of ['ArrowUp', 'ArrowUp', 'Enter']) await page.keyboard.press(key)
    await page.getByText('1 to 10 of 48').waitFor()
  })

  it('have the figures above them that the plugin counts over all of them', async () => {
    const figures = page.locator('.tn-figures').first()
    await figures.getByText('Last synced').waitFor()
    expect(await figures.locator('dd').first().textContent()).toBe('12')
    expect(await figures.locator('time').getAttribute('datetime')).toMatch(/^\d{4}-/)
    expect(visitor.complaints).toEqual([])
  })
})

describe('what is shown of a view', { timeout: 60_000 }, () => {
  const names = (on: Page) => on.locator('.tn-row').allTextContents()
  const parameter = (name: string) => new URL(page.url()).searchParams.get(name)

  it('is in the address, so that a reload and a link that was sent show the same', async () => {
    await page.goto('/models?view=mlflow.models')
    await page.getByLabel('Filter by Stage').pressSequentially('Production', { delay: 20 })
    await page.getByText('1 to 10 of 12').waitFor()
    await page.getByRole('button', { name: 'Model name', exact: true }).click()
    await page.getByRole('button', { name: 'Model name', exact: true }).click()
    await page.getByRole('button', { name: 'Page 2' }).click()
    await page.getByText('11 to 12 of 12').waitFor()
    // Until they are there, those of the page before stay.
    await expect.poll(() => names(page)).toHaveLength(2)
    const shown = await names(page)
    expect([parameter('filter.lifecycle_stage'), parameter('sort'), parameter('page')]).toEqual([
      'Production',
      '-model_name',
      '2',
    ])
    await page.reload()
    await page.getByText('11 to 12 of 12').waitFor()
    expect(await names(page)).toEqual(shown)
    const other = await visit(browser, { baseURL: tenon.url })
    await other.page.goto(page.url())
    await signIn(other.page, people.admin)
    await other.page.getByText('11 to 12 of 12').waitFor()
    expect(await names(other.page)).toEqual(shown)
    expect(await other.page.getByLabel('Filter by Stage').inputValue()).toBe('Production')
    await other.close()
  })

  it('is undone by Back, step by step, and a word that was typed is one step', async () => {
    await page.goBack()
    await page.getByText('1 to 10 of 12').waitFor()
    await page.goBack()
    await page.getByRole('columnheader', { name: 'Model name' }).and(page.locator('[aria-sort="ascending"]')).waitFor()
    await page.goBack()
    await page.goBack()
    await page.getByText('1 to 10 of 48').waitFor()
    expect(await page.getByLabel('Filter by Stage').inputValue()).toBe('')
    await page.goForward()
    await page.getByText('1 to 10 of 12').waitFor()
    expect(await page.getByLabel('Filter by Stage').inputValue()).toBe('Production')
  })

  it('is fewer than what the figures count while it is filtered, which they say', async () => {
    const note = page.getByText('Of all entries, not only of those that fit the filters.')
    await note.waitFor()
    await page.getByLabel('Filter by Stage').fill('')
    await note.waitFor({ state: 'detached' })
  })

  it('may be groups, with their page', async () => {
    await page.goto('/models?view=mlflow.models&group=lifecycle_stage&filter.model_name=churn-prediction-2')
    await page.getByRole('button', { name: 'Production 1 entry' }).waitFor()
    await page.goto('/models?view=mlflow.models&group=lifecycle_stage&page=7')
    await page.getByText('There is no page 7 of it.').waitFor()
    await page.getByRole('button', { name: 'Go to the first page' }).click()
    await page.getByRole('button', { name: 'Production 12 entries' }).waitFor()
  })

  it('is its own for each view of a plugin, on the page of the plugin too', async () => {
    await page.goto('/plugins/mlflow/manage?section=data&models.page=2&page=4')
    await page.getByText('11 to 20 of 48').waitFor()
    await page.goto('/plugins/mlflow/manage?section=data&models.page=99')
    await page.getByText('There is no page 99 of it.').waitFor()
    await page.getByRole('button', { name: 'Go to the first page' }).click()
    await page.getByText('1 to 10 of 48').waitFor()
  })

  it('is in the address for registers of the organization as well', async () => {
    await page.goto('/risks')
    await page.getByLabel('Search risks').pressSequentially('drift', { delay: 20 })
    await page.getByText('1 entry').waitFor()
    await page.reload()
    await page.getByText('1 entry').waitFor()
    expect(await page.getByLabel('Search risks').inputValue()).toBe('drift')
    await page.goBack()
    await page.getByText('3 entries').waitFor()
    expect(await page.getByLabel('Search risks').inputValue()).toBe('')
    expect(visitor.complaints).toEqual([])
  })
})
