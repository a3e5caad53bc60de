import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { type Api, registerOverApi, signInOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { password, signIn, visit, type Visitor } from './visitor.js'
import { type OwnMarketplace, writeMarketplace } from './working-plugin.js'

let marketplace: OwnMarketplace
let tenon: Tenon
let browser: Browser
let admin: Api
let visitor: Visitor
const email = 'ada@acme.example'
const reader = 'alan@acme.example'
beforeAll(async () => {
  marketplace = await writeMarketplace()
  ;[tenon, browser] = await Promise.all([startTenon({ PLUGIN_MARKETPLACE_URL: marketplace.location }), startBrowser()])
  admin = await registerOverApi(tenon.url, 'Acme', email)
  await admin.call('POST', '/api/plugins/install', { pluginKey: 'working' })
  await admin.call('POST', '/api/users', { name: 'Alan', surname: 'Turing', email: reader, role: 'Reviewer', password })
  visitor = await visit(browser, { baseURL: tenon.url })
  await visitor.page.goto('/')
  await signIn(visitor.page, email)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
  await marketplace?.remove()
})

const manage = '/plugins/working/manage'

describe('an installation', { timeout: 60_000 }, () => {
  it('shows its steps, and when it fails what happened, what was undone and what to do', async () => {
    const { page } = visitor
    await page.goto('/plugins/cannot-begin/manage')
    await page.getByRole('button', { name: 'Install plugin' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Allow and install' }).click()
    await dialog.getByText('Fetch its code and verify it').waitFor()
    const note = dialog.getByRole('alert')
    await note.getByText('It needs what is not there').waitFor({ timeout: 30_000 })
    await note.getByText(/its place in the database removed/).waitFor()
    await dialog.getByRole('button', { name: 'Try again' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText(/The installation failed: .*It needs what is not there/).waitFor()
    await page.getByRole('link', { name: 'Runs' }).click()
    await page.getByRole('article', { name: 'Install Cannot Begin' }).getByText('It needs what is not there').waitFor()
  })

  it('goes on when the dialog is closed, and tells its end elsewhere', async () => {
    const { page } = visitor
    await page.goto('/plugins')
    await page.getByRole('button', { name: 'Install Slow Start' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Allow and install' }).click()
    await dialog
      .getByText('Let it set itself up')
      .and(dialog.locator('[aria-current="step"]'))
      .waitFor({ timeout: 30_000 })
    await dialog.getByRole('button', { name: 'Go on in the background' }).click()
    await page.getByRole('link', { name: 'Slow Start' }).first().click()
    await page.getByRole('status', { name: 'Progress of the installation' }).waitFor()
    await page.getByRole('link', { name: 'Risks' }).click()
    await page.getByText('It is installed.').waitFor({ timeout: 20_000 })
  })
})

describe('the health of a plugin', { timeout: 60_000 }, () => {
  const call = (path: string) => admin.call('POST', `/api/plugins/${path}`).catch(() => undefined)

  it('says when and why it was started again, a crash apart from what somebody wanted', async () => {
    const { page } = visitor
    const installations = await admin.call<{ id: number; pluginKey: string }[]>('GET', '/api/plugins/installations')
    const { id } = installations.find(({ pluginKey }) => pluginKey === 'working') ?? { id: 0 }
    await call('working/crash')
    await call('working/always-fails')
    await call(`installations/${id}/disable`)
    await call(`installations/${id}/enable`)
    await page.goto(`${manage}?section=health`)
    const restarts = page.getByRole('region', { name: 'Restarts' })
    const crash = restarts.getByRole('listitem').filter({ hasText: 'It crashed: it ended itself with code 3' })
    await crash.getByRole('time').waitFor()
    const wanted = restarts.getByRole('listitem').filter({ hasText: 'It was stopped: it was disabled' })
    expect(await wanted.getAttribute('data-crashed')).toBeNull()
    expect(await crash.getAttribute('data-crashed')).toBe('true')
  })

  it('counts ordinary ends without a word of alarm', async () => {
    const { page } = visitor
    await page.route('**/api/plugins/installations/*/health', async (route) => {
      const answer = await route.fetch()
      const { data, ...rest } = (await answer.json()) as { data: { ends: object[] } }
      const idle = { crashed: false, reason: 'idle', cause: 'it had nothing to do', exitCode: null, signal: 'SIGKILL' }
      const ends = [1, 2, 3].map((hour) => ({ ...idle, at: `2026-01-01T0${hour}:00:00.000Z`, digest: 'd' }))
      await route.fulfill({ response: answer, json: { ...rest, data: { ...data, crashes: [], ends } } })
    })
    await page.goto(`${manage}?section=health`)
    const restarts = page.getByRole('region', { name: 'Restarts' })
    await restarts
      .getByText('It was stopped 3 times because it had nothing to do. That is how it saves memory.')
      .waitFor()
    expect(await restarts.getByRole('listitem').count()).toBe(0)
    await page.unroute('**/api/plugins/installations/*/health')
  })
})

describe('what goes on failing', { timeout: 60_000 }, () => {
  it('is shown to an admin on the dashboard and at the plugin, with the way to its last run', async () => {
    const { page } = visitor
    for (let times = 0; times < 3; times += 1) {
      await admin.call('POST', '/api/plugins/working/always-fails').catch(() => undefined)
    }
    await page.goto('/')
    await page.getByText(/^Working: “Fail” failed [34] times in a row/).waitFor()
    await page.getByText('It is always wrong').waitFor()
    await page.getByRole('link', { name: 'Show the last run' }).click()
    await page.waitForURL(/section=runs&run=/)
    await page.getByText(/^Working: “Fail” failed [34] times in a row/).waitFor()
  })
})

describe('long work', { timeout: 60_000 }, () => {
  it('shows its progress, here and in another window, and is found again by who comes back', async () => {
    const { page, context } = visitor
    const second = await context.newPage()
    await second.goto(`${manage}?section=runs`)
    await second.getByRole('article', { name: 'Install Working' }).waitFor()
    await page.goto(`${manage}?section=data`)
    await page.getByRole('button', { name: 'Sync things' }).click()
    await page.getByText(/Reading things · \d+ of 40/).waitFor()
    await second.getByRole('progressbar', { name: 'Sync things' }).waitFor()
    await second.close()
    await page.goto('/members')
    await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
    await page.goto(`${manage}?section=data`)
    await page.getByRole('progressbar', { name: 'Sync things' }).waitFor()
  })

  it('is told of where the person is when it ends, once, with a way to it', async () => {
    const { page } = visitor
    await page.getByRole('link', { name: 'Dashboard' }).click()
    await page.getByText('Synced 40 things').waitFor({ timeout: 30_000 })
    expect(await page.getByRole('link', { name: 'Show the run' }).count()).toBe(1)
    await page.getByRole('link', { name: 'Show the run' }).click()
    await page.waitForURL(/section=runs&run=[0-9a-f-]{36}$/)
    await page.getByRole('button', { name: /^Sync things/, expanded: true }).waitFor()
    await page.getByText('By Ada Lovelace').first().waitFor()
  })

  it('can be stopped, by the keyboard alone', async () => {
    const { page } = visitor
    await page.goto(`${manage}?section=data`)
    await page.getByRole('button', { name: 'Sync things' }).click()
    const cancel = page.getByRole('button', { name: 'Cancel Sync things' })
    await cancel.focus()
    await page.keyboard.press('Enter')
    await page.getByText('It was stopped.').waitFor({ timeout: 15_000 })
    await page.getByRole('progressbar', { name: 'Sync things' }).waitFor({ state: 'detached' })
    await page.goto(`${manage}?section=runs`)
    await page.getByRole('article', { name: 'Sync things' }).first().getByText('Cancelled').waitFor()
  })

  it('says why it failed and what to do, and is tried again', async () => {
    const { page } = visitor
    await page.goto(`${manage}?section=data`)
    await page.getByRole('button', { name: 'Try something' }).click()
    await page.getByRole('link', { name: 'Show the run' }).click()
    const failed = page.getByRole('article', { name: 'Try something' }).last()
    await failed.getByText('The address is wrong').waitFor()
    await failed.getByText('Something to set right').waitFor()
    await failed.getByText(/Check the configuration/).waitFor()
    await failed.getByRole('button', { name: 'Try again: Try something' }).click()
    await page.getByRole('article', { name: 'Try something' }).first().getByText('It worked this time').waitFor()
  })

  it('is followed in the log while it is looked at, until the person wants to read', async () => {
    const { page } = visitor
    await page.goto(`${manage}?section=logs`)
    const log = page.getByRole('log')
    await log.getByText('try number 2').waitFor()
    const tryIt = () => admin.call('POST', '/api/plugins/working/flaky')
    await tryIt()
    await log.getByText('try number 3').waitFor()
    await page.getByRole('switch', { name: 'Follow' }).press('Space')
    await tryIt()
    await log.getByText('try number 3').waitFor()
    await page.getByLabel('Search the log').fill('number 2')
    await log.getByText('try number 3').waitFor({ state: 'detached' })
    await log.getByText('try number 2').waitFor()
    await page.getByLabel('Search the log').fill('')
    await page.getByRole('switch', { name: 'Follow' }).press('Space')
    await log.getByText('try number 4').waitFor()
    // Under a filter that was looked at a moment ago, what came under another one is there, too.
    await page.getByLabel('Search the log').fill('try')
    await log.getByText('try number 4').waitFor()
    await page.getByLabel('Search the log').fill('')
    await log.getByText('try number 2').waitFor()
    await tryIt()
    await log.getByText('try number 5').waitFor()
    await page.getByLabel('Search the log').fill('try')
    await log.getByText('try number 5').waitFor()
  })

  it('imports while the wizard is closed, and shows what came of it to who opens it again', async () => {
    const { page } = visitor
    await page.goto('/risks')
    await page.getByRole('button', { name: 'Import rows' }).click()
    const file = { name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from('a,b\n1,2\n') }
    await page.getByLabel(/Choose a file/).setInputFiles(file)
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByRole('button', { name: 'Go on in the background' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Import rows' }).click()
    await page.getByRole('dialog').getByRole('progressbar', { name: 'Import rows' }).waitFor()
    await page.getByRole('dialog').getByText('40 rows were imported').waitFor({ timeout: 15_000 })
    await page.getByRole('button', { name: 'Done' }).click()
  })

  it('that its server left is started again with the same file, by the keyboard alone', async () => {
    const { page } = visitor
    await page.goto('/risks')
    await page.getByRole('button', { name: 'Import rows' }).click()
    const file = { name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from('a long file') }
    await page.getByLabel(/Choose a file/).setInputFiles(file)
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByText(/Reading rows · \d+ of 40/).waitFor()
    await tenon.restart({})
    await visitor.close()
    visitor = await visit(browser, { baseURL: tenon.url })
    admin = await signInOverApi(tenon.url, email)
    const { page: next } = visitor
    await next.goto(`${manage}?section=runs`)
    await signIn(next, email)
    const interrupted = next
      .getByRole('article', { name: 'Import rows' })
      .filter({ hasText: 'nobody knows how far it came' })
    await interrupted.getByText(/See whether it was done/).waitFor()
    const again = interrupted.getByRole('button', { name: 'Start again: Import rows' })
    await again.focus()
    await next.keyboard.press('Enter')
    await next.getByRole('progressbar', { name: 'Import rows' }).waitFor()
    await next
      .getByRole('article', { name: 'Import rows' })
      .first()
      .getByText('40 rows were imported')
      .waitFor({ timeout: 30_000 })
    await again.waitFor({ state: 'detached' })
    await interrupted.getByText(/it is no longer kept, or was started again/).waitFor()
  })

  it('runs by itself when an admin says so, and goes back to what the plugin proposes', async () => {
    const { page } = visitor
    await page.goto(`${manage}?section=runs`)
    await page.getByText('Runs every day at 03:30 UTC.').waitFor()
    await page.getByRole('button', { name: 'Change when Sync things runs' }).click()
    await page.getByRole('combobox', { name: 'How often' }).click()
    await page.getByRole('option', { name: 'Every week' }).click()
    await page.getByLabel('Time', { exact: true }).fill('14:05')
    await page.getByRole('button', { name: 'Save schedule' }).click()
    await page.getByText(/Runs every Monday at 14:05 UTC\. Next/).waitFor()
    await page.getByLabel('Sync things runs by itself').press('Space')
    await page.getByText(/Switched off; it would run every Monday/).waitFor()
    await page.getByRole('button', { name: 'Change when Sync things runs' }).click()
    await page.getByRole('combobox', { name: 'How often' }).click()
    await page.getByRole('option', { name: 'Own times' }).click()
    await page.getByLabel('Cron expression').fill('* * * * *')
    await page.getByRole('button', { name: 'Save schedule' }).click()
    await page.getByText(/must leave at least 5 minutes/).waitFor()
    await page.getByRole('button', { name: 'Back to what is proposed' }).click()
    await page.getByText('Runs every day at 03:30 UTC.').waitFor()
  })

  it('can be looked at, and not touched, by who only reads', async () => {
    const { page, context } = visitor
    await context.clearCookies()
    await page.goto(`${manage}?section=runs`)
    await signIn(page, reader)
    await page.getByRole('article', { name: 'Try something' }).first().waitFor()
    expect(await page.getByText(/times in a row/).count()).toBe(0)
    await page.getByText('Runs every day at 03:30 UTC.').waitFor()
    for (const name of [/^Try again/, /^Cancel/, /^Change when/]) {
      expect(await page.getByRole('button', { name }).count()).toBe(0)
    }
  })

  it('goes through all of it without a complaint of the browser', () => {
    expect(visitor.complaints).toEqual([])
  })
})
