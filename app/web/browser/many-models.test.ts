import { type MlflowStandin, startMlflowStandin } from '@tenon/standins'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import { accessibilityProblems, colorProblems, settle, type Visitor } from './visitor.js'

const models = { registeredModels: 500, versionsPerModel: 100, experiments: 5, runs: 50_000 }

let registry: MlflowStandin
let started: SignedInAdmin
let visitor: Visitor
let page: Page
beforeAll(async () => {
  registry = await startMlflowStandin({ models, frozen: true })
  const allowed = `127.0.0.1/32:${new URL(registry.url).port}`
  started = await startAsAdmin({
    email: 'ada@acme.example',
    path: '/models?view=mlflow.models',
    environment: { EGRESS_ALLOW_PRIVATE: allowed },
    async prepare(admin) {
      const { id } = await admin.call<{ id: number }>('POST', '/api/plugins/install', { pluginKey: 'mlflow' })
      const configuration = { tracking_server_url: registry.url, auth_method: 'none' }
      await admin.call('PUT', `/api/plugins/installations/${id}/configuration`, { configuration })
    },
  })
  ;({ visitor, page } = started)
}, 180_000)
afterAll(async () => {
  await started?.close()
  await registry?.close()
})

describe('fifty thousand models', { timeout: 240_000 }, () => {
  const rows = () => page.locator('.tn-row')

  it('are synchronised while the page says how far it is, and stays usable', async () => {
    await page.getByRole('button', { name: 'Sync models' }).click()
    await page.getByRole('progressbar').waitFor()
    await page.getByRole('link', { name: 'Risks' }).click()
    await page.getByRole('heading', { name: 'Risks', level: 1, exact: true }).waitFor()
    await page.goBack()
    await page.getByText('1 to 10 of 50,000').waitFor({ timeout: 200_000 })
  })

  it('are drawn a page at a time, from the first to the last', async () => {
    await page.getByRole('button', { name: 'Page 5000' }).click()
    await page.getByText('49,991 to 50,000 of 50,000').waitFor()
    expect(await rows().count()).toBe(10)
    await page.getByRole('button', { name: 'Page 1', exact: true }).click()
    await page.getByText('1 to 10 of 50,000').waitFor()
  })

  describe('a thousand on a page', () => {
    const frame = () => page.locator('.tn-table-frame .mantine-ScrollArea-viewport')
    const drawn = () => page.locator('.tn-table-frame tr').count()
    const row = (place: number) => page.locator(`tr[aria-rowindex="${place + 1}"]`)
    const placeOfFocus = () =>
      page.evaluate(() => Number(document.activeElement?.closest('tr')?.getAttribute('aria-rowindex')) - 1)
    /** Whether it is in sight: not above or below what the table shows, nor behind its head. */
    const isInSight = (place: number) =>
      row(place).evaluate((element) => {
        const viewport = element.closest('.mantine-ScrollArea-viewport')
        const head = element.closest('table')?.tHead
        if (!viewport || !head) return false
        const { top, bottom } = element.getBoundingClientRect()
        return bottom <= viewport.getBoundingClientRect().bottom + 1 && top >= head.getBoundingClientRect().bottom - 1
      })

    const placeInTheMiddle = () =>
      frame().evaluate((viewport) => {
        const { left, top, height } = viewport.getBoundingClientRect()
        const row = document.elementFromPoint(left + 60, top + height / 2)?.closest('tr')
        return Number(row?.getAttribute('aria-rowindex')) - 1
      })

    it('are chosen, and only those near what is seen exist', async () => {
      await page.getByRole('combobox', { name: 'Rows on a page' }).click()
      await page.getByRole('option', { name: '1,000 rows' }).click()
      await page.getByText('1 to 1,000 of 50,000').waitFor()
      await settle(page)
      expect(new URL(page.url()).searchParams.get('rows')).toBe('1000')
      expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('1001')
      await row(1).waitFor()
      expect(await drawn()).toBeLessThan(100)
      expect(await accessibilityProblems(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
      await expect.poll(() => colorProblems(page), { timeout: 5_000 }).toEqual([])
      await page.emulateMedia({ colorScheme: 'light' })
    })

    it('are there to the last, with the head above them, and the last one is opened by the keyboard', async () => {
      await frame().evaluate((viewport) => viewport.scrollTo(0, viewport.scrollHeight / 2))
      await expect.poll(() => row(500).count()).toBe(1)
      expect(await drawn()).toBeLessThan(100)
      expect(await page.getByRole('columnheader').first().isVisible()).toBe(true)
      await frame().evaluate((viewport) => viewport.scrollTo(0, viewport.scrollHeight))
      await row(1_000).waitFor()
      await row(1_000).getByRole('button').first().press('Enter')
      await page.getByRole('dialog').locator('dl').first().waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      await expect.poll(placeOfFocus).toBe(1_000)
      expect(await drawn()).toBeLessThan(100)
    })

    it('are walked through from name to name, past the edge of what was drawn', async () => {
      await page.keyboard.press('Home')
      await expect.poll(placeOfFocus).toBe(1)
      await expect.poll(() => isInSight(1)).toBe(true)
      for (let place = 2; place <= 80; place += 1) await page.keyboard.press('Tab')
      expect(await placeOfFocus()).toBe(80)
      await expect.poll(() => isInSight(80)).toBe(true)
      await page.keyboard.press('Shift+Tab')
      expect(await placeOfFocus()).toBe(79)
      await page.keyboard.press('PageDown')
      const after = await placeOfFocus()
      expect(after).toBeGreaterThan(82)
      await expect.poll(() => isInSight(after)).toBe(true)
      await page.keyboard.press('PageUp')
      // Not all rows are equally high.
      await expect.poll(placeOfFocus).toBeLessThan(82)
      await page.keyboard.press('End')
      await expect.poll(placeOfFocus).toBe(1_000)
      await expect.poll(() => isInSight(1_000)).toBe(true)
    })

    it('keep the focus when its row is scrolled out of sight', async () => {
      await frame().evaluate((viewport) => viewport.scrollTo(0, 0))
      await row(1).waitFor()
      expect(await placeOfFocus()).toBe(1_000)
      await page.keyboard.press('Shift+Tab')
      expect(await placeOfFocus()).toBe(999)
      await expect.poll(() => isInSight(999)).toBe(true)
      const top = await frame().evaluate((viewport) => viewport.scrollTop)
      await page.getByRole('button', { name: 'Version', exact: true }).focus()
      expect(await frame().evaluate((viewport) => viewport.scrollTop)).toBe(top)
    })

    it('begin at the top in another order, and Back leads to the same size and place', async () => {
      await frame().evaluate((viewport) => viewport.scrollTo(0, 9_000))
      await expect.poll(placeInTheMiddle).toBeGreaterThan(100)
      await settle(page)
      const seen = await placeInTheMiddle()
      await page.getByRole('button', { name: 'Version', exact: true }).click()
      await expect.poll(() => frame().evaluate((viewport) => viewport.scrollTop)).toBe(0)
      await page.goBack()
      await expect.poll(() => isInSight(seen)).toBe(true)
      await page.getByRole('link', { name: 'Risks' }).click()
      await page.getByRole('heading', { name: 'Risks', level: 1, exact: true }).waitFor()
      await page.goBack()
      await page.getByText('1 to 1,000 of 50,000').waitFor()
      await expect.poll(() => isInSight(seen)).toBe(true)
      expect(await drawn()).toBeLessThan(100)
    })

    it('are all there to be printed', async () => {
      await page.evaluate(() => window.dispatchEvent(new Event('beforeprint')))
      expect(await page.locator('.tn-row').count()).toBe(1_000)
      await page.evaluate(() => window.dispatchEvent(new Event('afterprint')))
      await expect.poll(drawn).toBeLessThan(100)
    })

    it('have pages with an address, and a hundred of them all exist', async () => {
      await page.getByRole('button', { name: 'Page 50', exact: true }).click()
      await page.getByText('49,001 to 50,000 of 50,000').waitFor()
      await settle(page)
      await page.reload()
      await page.getByText('49,001 to 50,000 of 50,000').waitFor()
      await page.getByRole('combobox', { name: 'Rows on a page' }).click()
      await page.getByRole('option', { name: '100 rows' }).click()
      await page.getByText('1 to 100 of 50,000').waitFor()
      await expect.poll(() => rows().count()).toBe(100)
      expect(visitor.complaints).toEqual([])
      await page.goto('/models?view=mlflow.models')
      await page.getByText('1 to 10 of 50,000').waitFor()
    })
  })

  it('are filtered and grouped over all of them', async () => {
    const name = (await rows().first().getByRole('button').first().textContent()) ?? ''
    await page.getByLabel('Filter by Model name').fill(name)
    await page.getByText(/^1 to 10 of (?!50,000)/).waitFor()
    await page.getByLabel('Filter by Model name').fill('')
    await page.getByRole('combobox', { name: 'Group by' }).click()
    await page.getByRole('option', { name: 'By model name' }).click()
    await page
      .getByRole('button', { name: /100 entries$/ })
      .first()
      .waitFor()
    await page.getByText('1 to 25 of 500').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('load on a slow line with a page that says so, and no complaint of the browser', async () => {
    const session = await page.context().newCDPSession(page)
    const slow = { offline: false, latency: 400, downloadThroughput: 60_000, uploadThroughput: 30_000 }
    await session.send('Network.emulateNetworkConditions', slow)
    await page.reload({ waitUntil: 'commit' })
    await page.locator('[aria-busy="true"]').first().waitFor()
    // The address says that they are in groups.
    await page.getByText('1 to 25 of 500').waitFor({ timeout: 60_000 })
    await page.getByText('50,000', { exact: true }).waitFor()
    await settle(page)
    expect(visitor.complaints).toEqual([])
  })
})
