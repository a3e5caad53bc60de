import { readFile } from 'node:fs/promises'
import { correctFile } from '@tenon/app-server'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api } from './people.js'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import type { Tenon } from './start-tenon.js'
import { accessibilityProblems, settle, type Visitor } from './visitor.js'

let started: SignedInAdmin
let tenon: Tenon
let admin: Api
let visitor: Visitor
let page: Page
const email = 'ada@acme.example'
beforeAll(async () => {
  started = await startAsAdmin({ email, path: '/' })
  ;({ tenon, admin, visitor, page } = started)
}, 120_000)
afterAll(() => started?.close())

const open = (plugin: string, section: string) => page.goto(`/plugins/${plugin}/manage?section=${section}`)
const configurationOf = async (pluginKey: string) => {
  const all = await admin.call<{ pluginKey: string; configuration: object | null }[]>(
    'GET',
    '/api/plugins/installations',
  )
  return all.find((one) => one.pluginKey === pluginKey)?.configuration ?? {}
}
const sampleOf = (pluginKey: string) => tenon.samples.find((sample) => sample.pluginKey === pluginKey)?.configuration

describe('an admin who grants less than a plugin asks for', { timeout: 60_000 }, () => {
  it('chooses what it may do while installing it', async () => {
    await page.goto('/plugins/mlflow/manage')
    await page.getByRole('button', { name: 'Install plugin' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Allow only some of it' }).click()
    await dialog.getByRole('checkbox', { name: /Run on a schedule/ }).uncheck()
    expect(await accessibilityProblems(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Allow and install' }).click()
    await dialog.getByText('MLflow Integration is installed.').waitFor({ timeout: 60_000 })
    await dialog.getByRole('button', { name: 'Close' }).last().click()
  })

  it('sees later what it may do and has not done yet, and grants the rest', async () => {
    await open('mlflow', 'permissions')
    const schedule = page.getByRole('checkbox', { name: /Run on a schedule/ })
    await schedule.waitFor()
    expect(await schedule.isChecked()).toBe(false)
    await page.getByText('Not used yet').first().waitFor()
    await schedule.check()
    await page.getByRole('button', { name: 'Save permissions' }).click()
    await page.getByRole('button', { name: 'Save permissions' }).waitFor({ state: 'detached' })
    await page.reload()
    await expect.poll(() => schedule.isChecked()).toBe(true)
  })
})

describe('a plugin that was not configured yet', { timeout: 60_000 }, () => {
  it('has its place among the models, which says what comes first', async () => {
    await page.goto('/models?view=mlflow.models')
    await page.getByText('MLflow Integration is not configured yet').waitFor()
    expect(await page.getByRole('button', { name: 'Sync models' }).count()).toBe(0)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'Configure MLflow Integration' }).click()
    await page.getByRole('button', { name: 'Save configuration' }).waitFor()
  })
})

describe('a configuration that does not work yet', { timeout: 60_000 }, () => {
  it('is tested step by step: what worked, and what did not', async () => {
    await open('mlflow', 'configuration')
    await page.getByRole('button', { name: 'Fill in its values' }).click()
    await page.getByLabel('Password', { exact: true }).fill('not-the-password')
    await page.getByRole('button', { name: 'Test connection' }).click()
    const result = page.getByRole('status').filter({ has: page.getByLabel('Failed') })
    await result.getByText(/401/).first().waitFor()
    await result.getByLabel('Worked').first().waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('is not saved by itself, but anyway if the person insists', async () => {
    await page.getByRole('button', { name: 'Save configuration' }).click()
    await page.getByText('It was not saved').waitFor()
    await page.getByRole('status').getByLabel('Failed').waitFor()
    expect(await configurationOf('mlflow')).not.toHaveProperty('password')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Save anyway' }).click()
    await page.getByText('Configuration saved').waitFor()
    await page.getByRole('button', { name: 'Replace Password' }).waitFor()
  })

  it('keeps a secret that is not touched, takes another in its place, and lets it be removed', async () => {
    await page.getByRole('button', { name: 'Replace Password' }).click()
    await page.getByRole('textbox', { name: /Password/ }).fill(String(sampleOf('mlflow')?.['password']))
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText(/Connected to 127\.0\.0\.1/).waitFor()
    await page.getByRole('button', { name: 'Save configuration' }).click()
    await page.getByRole('button', { name: 'Replace Password' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText(/Connected to 127\.0\.0\.1/).waitFor()

    await page.getByRole('button', { name: 'Remove Password' }).click()
    await page.getByText('Removed when you save').waitFor()
    await page.getByRole('button', { name: 'Keep' }).click()
    await page.getByText(/^Set on .+ by Ada Lovelace$/).waitFor()
    await page.getByRole('button', { name: 'Remove Password' }).click()
    await page.getByRole('button', { name: 'Save configuration' }).click()
    await page.getByRole('group', { name: 'Password' }).getByText('This is needed').waitFor()
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Keep')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.reload()
    await page.getByRole('button', { name: 'Replace Password' }).waitFor()
  })
})

describe('an admin who looks after a plugin', { timeout: 60_000 }, () => {
  it('sees when it used a permission last', async () => {
    await admin.call('POST', '/api/plugins/mlflow/sync')
    await open('mlflow', 'permissions')
    await page
      .getByText(/^Used .+, last on .+/)
      .first()
      .waitFor()
  })

  it('disables it, which closes what it offers elsewhere, and enables it again', async () => {
    await open('mlflow', 'overview')
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Disable or uninstall…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    await page.getByText('It is disabled.').waitFor()
    expect(await page.getByRole('link', { name: 'Configuration' }).count()).toBe(0)
    await page.getByRole('link', { name: 'Models' }).click()
    await page.getByRole('heading', { name: 'Models', level: 1 }).waitFor()
    await settle(page)
    expect(await page.getByRole('link', { name: 'MLflow', exact: true }).count()).toBe(0)
    await open('mlflow', 'overview')
    await page.getByRole('button', { name: 'Enable' }).click()
    await page.getByText('MLflow Integration is enabled').waitFor()
    await page.getByRole('link', { name: 'Configuration' }).waitFor()
  })
})

describe('an admin who looks after the connected workspaces', { timeout: 60_000 }, () => {
  const inbox = async () => {
    const address = tenon.samples.find((sample) => sample.page)?.page?.url ?? ''
    return (await fetch(address)).text()
  }
  const workspace = () => page.locator('.tn-connection')
  const choose = async (item: string) => {
    await workspace()
      .getByRole('button', { name: /^More for / })
      .click()
    await page.getByRole('menuitem', { name: item }).click()
  }

  it('changes what a channel is told about, and finds it again', async () => {
    await admin.call('POST', '/api/plugins/install', { pluginKey: 'slack' })
    await open('slack', 'connections')
    await page.getByRole('button', { name: 'Connect Slack workspace' }).click()
    await page.waitForURL(/oauth\/v2\/authorize/)
    await page.getByRole('button', { name: /allow/i }).click()
    await page.waitForURL(/section=connections$/)
    await choose('Settings')
    const types = page.getByRole('dialog').getByRole('checkbox')
    expect(await types.count()).toBe(5)
    for (const one of await types.all()) await one.setChecked(false)
    await types.nth(1).check()
    await types.nth(3).check()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Settings saved').waitFor()
    await page.reload()
    await choose('Settings')
    await types.nth(4).waitFor()
    expect(await Promise.all((await types.all()).map((one) => one.isChecked()))).toEqual([
      false,
      true,
      false,
      true,
      false,
    ])
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  })

  it('sends a test, which arrives, and is told where', async () => {
    const before = (await inbox()).length
    await choose('Send a test')
    await expect.poll(async () => (await inbox()).length).toBeGreaterThan(before)
  })

  it('switches it off and on, and finds that again', async () => {
    const toggle = workspace().getByRole('switch', { name: /is switched on$/ })
    await toggle.press('Space')
    await workspace().getByText('Switched off').waitFor()
    await settle(page)
    expect(await toggle.evaluate((field) => field === document.activeElement)).toBe(true)
    await page.reload()
    await workspace().getByText('Switched off').waitFor()
    await toggle.press('Space')
    await workspace().getByText('Switched off').waitFor({ state: 'detached' })
  })

  it('is told when the service no longer accepts it, and signs in again for the same, by the keyboard alone', async () => {
    const address = tenon.samples.find((sample) => sample.page)?.page?.url ?? ''
    const idOf = async () =>
      (await admin.call<{ id: number }[]>('GET', '/api/plugins/slack/oauth/workspaces')).map(({ id }) => id)
    const before = await idOf()
    await fetch(`${address}/remove-app`, { method: 'POST' })
    await choose('Send a test')
    await workspace().getByText('Does not work').waitFor()
    await workspace().getByText('Sign in again for this connection.').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    const again = workspace().getByRole('button', { name: /^Sign in again: / })
    await again.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/oauth\/v2\/authorize/)
    await page.getByRole('button', { name: /allow/i }).click()
    await page.waitForURL(/section=connections$/)
    await page.getByText(/is connected to /).waitFor()
    await again.waitFor({ state: 'detached' })
    expect(await page.getByText('Does not work').count()).toBe(0)
    expect(await idOf()).toEqual(before)
    const sent = (await inbox()).length
    await choose('Send a test')
    await expect.poll(async () => (await inbox()).length).toBeGreaterThan(sent)
  })

  it('disconnects it, after a question', async () => {
    await choose('Disconnect')
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await page.getByText('Nothing is connected yet.').waitFor()
    const group = page.getByRole('group', { name: 'Slack workspace' })
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await settle(page)
    expect(await group.evaluate((one) => one === document.activeElement)).toBe(true)
  })
})

describe('the register of risks', { timeout: 60_000 }, () => {
  it('takes a risk that is entered by hand, with what is missing said at its place', async () => {
    await page.goto('/risks')
    await page.getByRole('button', { name: 'Add a risk' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'Add a risk' })
    await dialog.getByLabel('Name').fill('   ')
    await dialog.getByLabel('Description').fill('Nobody can say why a loan was refused.')
    await dialog.getByRole('combobox', { name: 'Severity' }).click()
    await page.getByRole('option', { name: 'Catastrophic' }).click()
    await dialog.getByRole('button', { name: 'Add the risk' }).click()
    const name = dialog.getByLabel('Name')
    await expect.poll(() => name.getAttribute('aria-invalid')).toBe('true')
    expect(await name.evaluate((field) => field === document.activeElement)).toBe(true)
    await name.fill('Scores are not explained')
    await dialog.getByRole('button', { name: 'Add the risk' }).click()
    await page.getByText('Risk added').waitFor()
    await page.getByText('Scores are not explained').waitFor()
  })

  it('gives a file back with its mistakes marked, which can be corrected and imported', async () => {
    await admin.call('POST', '/api/plugins/install', { pluginKey: 'risk-import' })
    await page.reload()
    await page.getByRole('button', { name: 'Import risks' }).click()
    await page.getByRole('menuitem', { name: 'Import from Excel' }).click()
    const rows = [
      'Risk Name,Risk Owner,AI Lifecycle Phase,Risk Description,Likelihood,Severity',
      `Drift,${email},Monitoring & maintenance,It gets worse,Perhaps,Major`,
    ]
    const file = { name: 'drift.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\n')) }
    await page.getByLabel(/Choose a file/).setInputFiles(file)
    await page.getByText('1 cell has to be corrected').waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the file with the mistakes marked' }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/\.xlsx$/)
    const marked = await readFile(await download.path())
    const corrected = {
      name: download.suggestedFilename(),
      mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      buffer: Buffer.from(await correctFile(marked, { Perhaps: 'Rare' })),
    }
    await page.getByRole('button', { name: 'Remove drift.csv' }).click()
    await page.getByLabel(/Choose a file/).setInputFiles(corrected)
    await page.getByText('1 row is ready to be imported.').waitFor()
    await page.getByRole('button', { name: 'Import 1 row' }).click()
    await page.getByText('Import completed').waitFor({ timeout: 30_000 })
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('2 entries').waitFor()
  })
})

describe('a network that is slow, or away', { timeout: 60_000 }, () => {
  it.each(['/plugins', '/plugins/mlflow/manage?section=health', '/risks', '/members', '/'])(
    'slow: %s shows its frame at once, and its content when that arrives',
    async (address) => {
      await page.goto(address)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await settle(page)
      const title = await page.getByRole('heading', { level: 1 }).innerText()
      await page.route('**/api/**', async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 700))
        await route.fallback().catch(() => undefined)
      })
      await page.goto(address, { waitUntil: 'commit' })
      await page.locator('[aria-busy="true"]').first().waitFor()
      await page.unrouteAll({ behavior: 'wait' })
      await settle(page)
      await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor()
    },
  )

  it('away: says so, keeps what was entered, and goes on when it is back', async () => {
    await page.goto('/risks')
    await page.getByText('2 entries').waitFor()
    await page.getByRole('button', { name: 'Add a risk' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'Add a risk' })
    await dialog.getByLabel('Name').fill('Written on a train')
    await dialog.getByLabel('Description').fill('In a tunnel.')
    await visitor.context.setOffline(true)
    await dialog.getByRole('button', { name: 'Add the risk' }).click()
    await dialog.getByText('The server cannot be reached.').waitFor()
    await page.getByText('You are offline.').waitFor()
    expect(await dialog.getByLabel('Name').inputValue()).toBe('Written on a train')
    expect(await accessibilityProblems(page)).toEqual([])
    await visitor.context.setOffline(false)
    await page.getByText('You are offline.').waitFor({ state: 'detached' })
    await dialog.getByRole('button', { name: 'Add the risk' }).click()
    await page.getByText('3 entries').waitFor()
  })
})

describe('somebody without a mouse', { timeout: 60_000 }, () => {
  /** Goes forward until what has the focus has this name. */
  const tabTo = async (name: RegExp, most = 60) => {
    for (let presses = 0; presses < most; presses += 1) {
      await page.keyboard.press('Tab')
      const text = await page.evaluate(() => {
        const focused = document.activeElement
        const labels = focused instanceof HTMLInputElement ? [...(focused.labels ?? [])] : []
        return [focused?.getAttribute('aria-label'), focused?.textContent, ...labels.map((label) => label.textContent)]
      })
      if (text.some((one) => one && name.test(one.trim()))) return
    }
    throw new Error(`nothing named ${name} was reached with ${most} presses of Tab`)
  }

  it('goes from the top of the page to an uninstalled plugin, and installs it again', async () => {
    await page.goto('/plugins')
    await settle(page)
    await tabTo(/^Skip to the content$/)
    await tabTo(/^Risk Import$/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/plugins\/risk-import\/manage/)
    await settle(page)
    await tabTo(/^More$/)
    await page.keyboard.press('Enter')
    await page.getByRole('menuitem', { name: 'Disable or uninstall…' }).waitFor()
    // Keys reach it once it has the focus, which comes after it is seen.
    await expect.poll(() => page.evaluate(() => Boolean(document.activeElement?.closest('[role=menu]')))).toBe(true)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByLabel('Disable', { exact: true }).waitFor()
    await tabTo(/^Disable$/)
    await page.keyboard.press('ArrowDown')
    await tabTo(/^Uninstall, keep data$/)
    await page.keyboard.press('Enter')
    await page.waitForURL(/my-plugins/)
    await page.goto('/plugins')
    await settle(page)
    await tabTo(/^Install Risk Import$/)
    await page.keyboard.press('Enter')
    // Before that is there, nobody can agree to it.
    await page.getByRole('dialog').getByText('Read the table risks').waitFor()
    await tabTo(/^Allow and install$/)
    await page.keyboard.press('Enter')
    await page.getByText('Risk Import is installed.').waitFor({ timeout: 30_000 })
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })
})

describe('an admin who leaves', { timeout: 60_000 }, () => {
  it('removes the organization after typing its name, and is signed out of what is gone', async () => {
    await page.goto('/settings')
    await page.getByRole('button', { name: 'Remove Acme…' }).click()
    const confirm = page.getByRole('button', { name: 'Remove everything' })
    await confirm.click()
    await page.getByText('Type “Acme” exactly').waitFor()
    await page.getByLabel(/to confirm/).fill('Acme')
    await confirm.click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor({ timeout: 30_000 })
    await page.getByLabel('Email').fill(email)
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
  })

  it('goes through all of it without a complaint of the browser', () => {
    expect(visitor.complaints.filter((complaint) => !complaint.includes('ERR_INTERNET_DISCONNECTED'))).toEqual([])
  })
})
