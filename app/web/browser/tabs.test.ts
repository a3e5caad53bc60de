import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, password, signIn, visit, type Visitor } from './visitor.js'
import { fillWorld, people } from './world.js'

let tenon: Tenon
let browser: Browser
let visitor: Visitor
beforeAll(async () => {
  ;[tenon, browser] = await Promise.all([startTenon(), startBrowser()])
  await fillWorld(tenon)
  visitor = await visit(browser, { baseURL: tenon.url })
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
})

describe('two tabs of one browser', { timeout: 60_000 }, () => {
  it('belong to whoever has signed in last, and show nothing of the one before', async () => {
    const { page, context, complaints } = visitor
    await page.goto('/plugins/my-plugins')
    await signIn(page, people.admin)
    await page.getByText('3 plugins installed').waitFor()

    const other = await context.newPage()
    await other.goto('/plugins')
    await other.getByRole('button', { name: /Ada Lovelace/ }).click()
    await other.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByText('Your session has ended').waitFor()

    await signIn(other, people.newcomer)
    await page.getByText('No plugins installed yet').waitFor()
    expect(await page.getByText('3 plugins installed').count()).toBe(0)
    await page.getByRole('button', { name: /Newcomers/ }).waitFor()
    expect(complaints).toEqual([])
  })

  it('are those of another person at once, also without a time in between when nobody was signed in', async () => {
    const { page, context } = visitor
    const answer = await page.request.post('/api/session', {
      data: { email: people.admin, password },
    })
    expect(answer.status()).toBe(200)
    const other = await context.newPage()
    await other.bringToFront()
    await page.bringToFront()
    // What a browser does when somebody comes back to a tab.
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
    await page.getByText('3 plugins installed').waitFor()
    await page.getByRole('button', { name: /Acme/ }).waitFor()
  })
})

describe('a session that ends while somebody fills in a form', { timeout: 60_000 }, () => {
  it('is taken up again in front of it, with all that was entered', async () => {
    const { page, context, complaints } = visitor
    await page.goto('/members')
    await page.getByRole('button', { name: 'Add a member' }).click()
    const form = page.getByRole('dialog', { name: 'Add a member' })
    const values = { 'First name': 'Grace', 'Last name': 'Hopper', Email: 'grace@acme.example' }
    for (const [label, value] of Object.entries(values)) await form.getByLabel(label).fill(value)
    await form.getByLabel('First password').fill(password)
    await form.getByLabel('Email').fill('grace@acme')
    await form.getByRole('button', { name: 'Add', exact: true }).click()
    await form.getByText('must be an email address').waitFor()
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('name'))).toBe('email')
    expect(await form.locator('[aria-invalid="true"]').count()).toBe(1)
    await form.getByLabel('Email').fill(values.Email)
    await context.clearCookies()
    await form.getByRole('button', { name: 'Add', exact: true }).click()
    const again = page.getByRole('dialog', { name: 'Your session has ended' })
    await again.waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    expect(await again.getByLabel('Email').inputValue()).toBe(people.admin)
    await again.getByLabel('Password', { exact: true }).fill(password)
    await page.keyboard.press('Enter')
    await again.waitFor({ state: 'detached' })
    expect(await form.getByLabel('Last name').inputValue()).toBe('Hopper')
    await form.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('grace@acme.example').waitFor()
    expect(complaints).toEqual([])
  })
})
