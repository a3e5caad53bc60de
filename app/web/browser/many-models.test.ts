import { type MlflowStandin, startMlflowStandin } from '@tenon/standins'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import { accessibilityProblems, settle, type Visitor } from './visitor.js'

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
