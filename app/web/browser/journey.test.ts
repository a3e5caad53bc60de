import { readFile } from 'node:fs/promises'
import { fillTemplate } from '@tenon/app-server'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, register, settle, visit, type Visitor } from './visitor.js'

let tenon: Tenon
let browser: Browser
let visitor: Visitor
beforeAll(async () => {
  ;[tenon, browser] = await Promise.all([startTenon(), startBrowser()])
  visitor = await visit(browser, { baseURL: tenon.url })
})
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
})

const riskColumns = 'Risk Name,Risk Owner,AI Lifecycle Phase,Risk Description,Likelihood,Severity'
const goodRisk = 'Drift,ada@acme.example,Monitoring & maintenance,It gets worse,Possible,Major'

/** Opens the wizard of the register of risks, with a file of these rows. */
async function chooseRisks(risks: string[]): Promise<void> {
  const { page } = visitor
  await page.goto('/risks')
  await page.getByRole('button', { name: 'Import risks' }).click()
  await page.getByRole('menuitem', { name: 'Import from Excel' }).click()
  const buffer = Buffer.from([riskColumns, ...risks].join('\n'))
  await page.getByLabel(/Choose a file/).setInputFiles({ name: 'drift.csv', mimeType: 'text/csv', buffer })
}

describe('somebody who has never seen the product', { timeout: 120_000 }, () => {
  it('registers, and is told what to do next', async () => {
    await register(visitor.page, { organization: 'Acme', email: 'ada@acme.example' })
    await visitor.page.getByRole('heading', { name: 'What to do next' }).waitFor()
    await visitor.page.getByRole('link', { name: 'Browse: Install your first plugin' }).click()
    await visitor.page.getByRole('heading', { name: 'Plugins', level: 1 }).waitFor()
  })

  it('sees what a plugin will be able to do, and installs it', async () => {
    const { page } = visitor
    await page.getByRole('button', { name: 'Install MLflow Integration' }).click()
    const dialog = page.getByRole('dialog', { name: 'Install MLflow Integration' })
    await dialog.getByText('the address that you enter as "Tracking server URL"').waitFor()
    await dialog.getByRole('button', { name: 'Allow and install' }).click()
    await dialog.getByText('MLflow Integration is installed.').waitFor({ timeout: 60_000 })
    await dialog.getByRole('button', { name: 'Configure it' }).click()
  })

  it('is taken to the first field that is missing, tests the connection, and saves', async () => {
    const { page } = visitor
    await page.getByRole('button', { name: 'Save configuration' }).click()
    await expect.poll(() => page.evaluate(() => document.activeElement?.id ?? '')).toMatch(/tracking_server_url$/)
    expect(await page.getByLabel('Username').count()).toBe(0)
    await page.getByRole('button', { name: 'Fill in its values' }).click()
    await page.getByLabel('Username').waitFor()
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText(/Connected to 127\.0\.0\.1/).waitFor()
    await page.getByRole('button', { name: 'Save configuration' }).click()
    await page.getByText('Configuration saved').waitFor()
    await page.getByRole('button', { name: 'Replace Password' }).waitFor()
    await page.getByText(/^Set on .+ by Ada Lovelace$/).waitFor()
    expect(await page.content()).not.toContain('sample-password')
  })

  it('syncs models, finds one and looks at all of it', async () => {
    const { page } = visitor
    await page.getByRole('link', { name: 'Models' }).click()
    await page.getByRole('link', { name: 'MLflow', exact: true }).click()
    await page.getByText('Nothing has been brought in yet').waitFor()
    // It is configured, so there is one thing to do.
    expect(
      await page
        .getByRole('main')
        .getByRole('link', { name: /^Configure/ })
        .count(),
    ).toBe(0)
    await page.getByRole('button', { name: 'Sync models' }).click()
    await page.getByText('1 to 10 of 48').waitFor({ timeout: 60_000 })
    await page.getByLabel('Filter by Model name').fill('chat')
    await page.getByText(/1 to \d of \d/).waitFor()
    await page.getByRole('button', { name: /chat/ }).first().click()
    await page.getByRole('dialog').getByText('Metrics', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Dashboard' }).click()
    await page.getByRole('link', { name: 'Entries in MLflow 48' }).waitFor()
  })

  it('connects a workspace at the service, and comes back', async () => {
    const { page } = visitor
    await page.goto('/plugins/slack/manage')
    const features = page.getByRole('region', { name: 'Features' }).locator('li strong')
    await features.first().waitFor()
    expect(await features.allTextContents()).toEqual(['Several workspaces', 'Routing', 'Safe messages', 'Test message'])
    await page.getByRole('button', { name: 'Install plugin' }).click()
    await page.getByRole('button', { name: 'Allow and install' }).click()
    await page.getByText('Slack is installed.').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Connect an account' }).click()
    await page.getByRole('button', { name: 'Connect Slack workspace' }).click()
    await page.waitForURL(/oauth\/v2\/authorize/)
    await page.getByRole('button', { name: /allow/i }).click()
    await page.waitForURL(/plugins\/slack\/manage\?section=connections$/)
    await page.getByText(/^Slack is connected to /).waitFor()
    await page.getByText('Evidence and task alerts').waitFor()
  })

  it('imports risks from the template, which the connected channel is told', async () => {
    const { page } = visitor
    await page.goto('/plugins/risk-import/manage')
    await page.getByRole('button', { name: 'Install plugin' }).click()
    await page.getByRole('button', { name: 'Allow and install' }).click()
    await page.getByText('Risk Import is installed.').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Open it' }).click()
    await page.getByRole('button', { name: 'Download the template' }).waitFor()
    await page.goto('/risks')
    await page.getByRole('button', { name: 'Import from Excel' }).click()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the template' }).click(),
    ])
    expect(download.suggestedFilename()).toBe('risk_import_template.xlsx')
    const owner = 'Ada Lovelace - ada@acme.example (ID: 1)'
    const filled = await fillTemplate(await readFile(await download.path()), { count: 3, owner })
    const mimeType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
    await page.getByLabel(/Choose a file/).setInputFiles({ name: 'risks.xlsx', mimeType, buffer: Buffer.from(filled) })
    await page.getByText('3 rows are ready to be imported.').waitFor({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Import 3 rows' }).click()
    await page.getByText('Import completed').waitFor({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('3 entries').waitFor()
    const inbox = tenon.samples.find((sample) => sample.page)?.page?.url ?? ''
    await expect.poll(async () => (await fetch(inbox)).text(), { timeout: 20_000 }).toMatch(/import/i)
  })

  it('imports only the rows that are right, and takes that back', async () => {
    const { page } = visitor
    await chooseRisks([goodRisk, goodRisk.replace('Possible', 'Perhaps')])
    await page.getByText('1 cell has to be corrected').waitFor()
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText('No row of it can be imported as it is.').waitFor()
    await page.getByRole('radio', { name: 'Import the other rows' }).check()
    await page.getByText('1 row has no mistake and can be imported').waitFor()
    await page.getByRole('button', { name: 'Import 1 row' }).click()
    await page.getByText('Import completed').waitFor({ timeout: 30_000 })
    await page.getByText('The rows with these mistakes were left out').waitFor()
    await page.getByText('4 entries').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Import taken back').waitFor()
    await page.getByText('3 entries').waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
  })

  it('takes back an import of earlier, or brings the same file on purpose once more', async () => {
    const { page } = visitor
    const importRow = async () => {
      await page.getByRole('button', { name: 'Import 1 row' }).click()
      await page.getByText('Import completed').waitFor({ timeout: 30_000 })
      await page.getByRole('button', { name: 'Done' }).click()
    }
    await chooseRisks([goodRisk])
    await importRow()
    await page.getByText('4 entries').waitFor()
    await chooseRisks([goodRisk])
    await page.getByText('This file was imported already').waitFor()
    await page.getByRole('radio', { name: 'Is imported once more' }).check()
    await importRow()
    await page.getByText('5 entries').waitFor()
    await page.getByRole('button', { name: 'Import risks' }).click()
    await page.getByRole('menuitem', { name: 'Import from Excel' }).click()
    const earlier = page.getByRole('region', { name: 'Earlier imports' })
    await earlier.getByRole('listitem').nth(3).waitFor()
    await earlier
      .getByRole('button', { name: /^Undo the import of/ })
      .first()
      .click()
    await page.getByRole('button', { name: 'Undo the import', exact: true }).click()
    await page.getByText('1 risk was removed.').waitFor()
    await expect.poll(() => earlier.getByText('Taken back').count()).toBe(2)
    await page.getByText('4 entries').waitFor()
    await page.keyboard.press('Escape')
  })

  it('sees health, logs and activity, and uninstalls with a choice of what stays', async () => {
    const { page } = visitor
    await page.goto('/plugins/risk-import/manage?section=health')
    await page.getByText('Calls in 24 hours').waitFor()
    await page.getByRole('link', { name: 'Activity' }).click()
    await page.getByText('Ada Lovelace').first().waitFor()
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Disable or uninstall…' }).click()
    await page.getByLabel('Uninstall and erase its data').click()
    const confirm = page.getByRole('button', { name: 'Uninstall and erase' })
    await confirm.click()
    await page.getByText('Type “Risk Import” exactly').waitFor()
    await page.getByLabel(/to confirm/).fill('Risk Import')
    await confirm.click()
    await page.waitForURL(/my-plugins/)
    await page.getByText('2 plugins installed').waitFor({ timeout: 30_000 })
    await page.goto('/risks')
    await page.getByText('4 entries').waitFor()
  })

  it('goes through all of it without a complaint of the browser', async () => {
    await settle(visitor.page)
    expect(visitor.complaints).toEqual([])
  })
})
