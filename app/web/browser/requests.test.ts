import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { registerOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, password, settle, signIn, visit, type Visitor } from './visitor.js'
import { type OwnMarketplace, writeMarketplace } from './working-plugin.js'

const adminEmail = 'ada@acme.example'
const editorEmail = 'emmy@acme.example'
const readerEmail = 'alan@acme.example'

let marketplace: OwnMarketplace
let tenon: Tenon
let browser: Browser
let admin: Visitor
let editor: Visitor
beforeAll(async () => {
  marketplace = await writeMarketplace()
  ;[tenon, browser] = await Promise.all([startTenon({ PLUGIN_MARKETPLACE_URL: marketplace.location }), startBrowser()])
  const { call } = await registerOverApi(tenon.url, 'Acme', adminEmail)
  await call('POST', '/api/users', { name: 'Emmy', surname: 'Noether', email: editorEmail, role: 'Editor', password })
  await call('POST', '/api/users', { name: 'Alan', surname: 'Turing', email: readerEmail, role: 'Reviewer', password })
  admin = await visit(browser, { baseURL: tenon.url })
  editor = await visit(browser, { baseURL: tenon.url })
  await admin.page.goto('/')
  await signIn(admin.page, adminEmail)
  await editor.page.goto('/plugins')
  await signIn(editor.page, editorEmail)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
  await marketplace?.remove()
})

describe('an editor and an admin side by side', { timeout: 90_000 }, () => {
  it('the editor asks with a note, by keyboard alone, and comes back to the card', async () => {
    const { page } = editor
    await settle(page)
    expect(await page.getByRole('button', { name: /^Install / }).count()).toBe(0)
    const ask = page.getByRole('button', { name: 'Ask for Working' })
    await ask.focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Ask for Working' })
    const note = dialog.getByLabel('What do you need it for?')
    await expect.poll(() => note.evaluate((field) => field === document.activeElement)).toBe(true)
    await page.keyboard.type('For the reviews of our models.')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await page.getByText(/^Asked on \d/).waitFor()
    const withdraw = page.getByRole('button', { name: 'Withdraw the request for Working' })
    await expect.poll(() => withdraw.evaluate((button) => button === document.activeElement)).toBe(true)
  })

  it('the admin, whose page was open all the time, is told, and finds who asked for what', async () => {
    const { page } = admin
    await page.getByText('1 person asked for a plugin.').waitFor()
    await page.getByRole('link', { name: 'Look at the request' }).click()
    const requests = page.getByRole('group', { name: 'Requests for plugins' })
    await requests.getByText('Emmy Noether').waitFor()
    await requests.getByText('For the reviews of our models.').waitFor()
    await page.getByRole('link', { name: 'Requests 1' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('the admin installs it, and the editor sees it installed', async () => {
    const { page } = admin
    await page.getByRole('button', { name: 'Install Working' }).click()
    await page.getByRole('button', { name: 'Allow and install' }).click()
    await page.getByText('Working is installed.').waitFor({ timeout: 60_000 })
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByText('Nobody waits for a plugin.').waitFor()
    const card = editor.page.getByRole('article').filter({ has: editor.page.getByRole('link', { name: 'Working' }) })
    await card.getByText(/Installed|Needs configuration/).waitFor()
    expect(await editor.page.getByText(/^Asked on/).count()).toBe(0)
  })

  it('the editor asks on the page of a plugin, and reads there why the admin declined', async () => {
    await editor.page.goto('/plugins/slow-start/manage')
    await editor.page.getByRole('button', { name: 'Ask for it' }).click()
    await editor.page.getByRole('dialog').getByRole('button', { name: 'Ask for it' }).click()
    await editor.page.getByText(/^Asked on \d/).waitFor()
    const { page } = admin
    await page.getByRole('button', { name: 'Decline Slow Start for Emmy Noether' }).click()
    await page.getByLabel('Why not?').fill('We look at another one first.')
    await page.getByRole('dialog').getByRole('button', { name: 'Decline', exact: true }).click()
    await page.getByText('Nobody waits for a plugin.').waitFor()
    const list = page.getByRole('group', { name: 'Requests for plugins' })
    await expect.poll(() => list.evaluate((group) => group === document.activeElement)).toBe(true)
    await editor.page.getByText(/^Your request was declined on/).waitFor()
    await editor.page.getByText('We look at another one first.').waitFor()
    await editor.page.getByRole('button', { name: 'Ask again' }).waitFor()
  })

  it('the editor withdraws, and the admin no longer sees it', async () => {
    await editor.page.getByRole('button', { name: 'Ask again' }).click()
    await editor.page.getByRole('dialog').getByRole('button', { name: 'Ask for it' }).click()
    await admin.page.getByRole('button', { name: 'Install Slow Start' }).waitFor()
    await editor.page.getByRole('button', { name: 'Withdraw' }).click()
    await editor.page.getByRole('button', { name: 'Ask for it' }).waitFor()
    await admin.page.getByText('Nobody waits for a plugin.').waitFor()
    await admin.page.goto('/plugins/activity')
    await admin.page.getByText('Withdraw request').waitFor()
    await admin.page.getByText('Emmy Noether').first().waitFor()
    expect([...admin.complaints, ...editor.complaints]).toEqual([])
  })

  it('the editor finds all own requests in one place, with what became of them', async () => {
    const { page } = editor
    await page.goto('/plugins/slow-start/manage')
    await page.getByRole('button', { name: 'Ask for it' }).click()
    await page.getByRole('dialog').getByLabel('What do you need it for?').fill('It is for the audit.')
    await page.getByRole('dialog').getByRole('button', { name: 'Ask for it' }).click()
    await page.getByText(/^Asked on \d/).waitFor()
    await page.getByRole('link', { name: 'All plugins' }).click()
    await page.getByRole('link', { name: 'Requests 1' }).click()
    const requests = page.getByRole('group', { name: 'Your requests' })
    await requests.getByText(/An admin has not answered yet/).waitFor()
    await requests.getByText('It is for the audit.').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await requests.getByRole('button', { name: 'Withdraw the request for Slow Start' }).press('Enter')
    await page.getByText('Nothing that you asked for waits for an answer.').waitFor()
    await expect.poll(() => requests.evaluate((group) => group === document.activeElement)).toBe(true)
    expect(editor.complaints).toEqual([])
  })

  it('a reader is offered neither', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/plugins')
    await signIn(page, readerEmail)
    await settle(page)
    expect(await page.getByRole('button', { name: /^(Install|Ask for) / }).count()).toBe(0)
    await page.goto('/plugins/slow-start/manage')
    await page.getByText('Only admins install plugins.').waitFor()
    await close()
  })
})
