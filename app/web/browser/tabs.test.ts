import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { signIn, visit, type Visitor } from './visitor.js'
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
      data: { email: people.admin, password: 'correct horse battery' },
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
