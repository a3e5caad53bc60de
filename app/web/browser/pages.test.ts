import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { scenes } from './scenes.js'
import { showScene, signInEverybody } from './show-scene.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, colorProblems, settle, signIn, visit, type Visitor } from './visitor.js'
import { fillWorld, people } from './world.js'

let tenon: Tenon
let browser: Browser
let visitor: Visitor
let states: Awaited<ReturnType<typeof signInEverybody>>
beforeAll(async () => {
  ;[tenon, browser] = await Promise.all([startTenon(), startBrowser()])
  await fillWorld(tenon)
  states = await signInEverybody(browser, tenon.url)
  visitor = await visit(browser, { baseURL: tenon.url })
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
})

describe('every page in every state', () => {
  it.each(scenes)(
    '$name can be used by everybody, light and dark, and fits a narrow screen',
    { timeout: 90_000 },
    async (scene) => {
      // Also after a scene that failed in the dark.
      await visitor.page.emulateMedia({ colorScheme: 'light' })
      const page = await showScene(visitor, scene, states)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor()
        const problems = () => (colorScheme === 'light' ? accessibilityProblems(page) : colorProblems(page))
        // Asked again while colours are on their way from one scheme to the other.
        await expect.poll(problems, { message: colorScheme, timeout: 5_000 }).toEqual([])
      }
      await page.setViewportSize({ width: 360, height: 760 })
      const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      await expect.poll(overflow, { timeout: 3_000 }).toBeLessThanOrEqual(0)
      await page.setViewportSize({ width: 1440, height: 900 })
      expect(visitor.complaints.splice(0)).toEqual([])
    },
  )
})

describe('menus around every page', { timeout: 90_000 }, () => {
  it('can be used by everybody, on a wide screen and on a narrow one', async () => {
    const { page, context, close } = await visit(browser, { baseURL: tenon.url })
    await context.addCookies(states.get('admin')?.cookies ?? [])
    await page.goto('/')
    await settle(page)
    await page.getByRole('button', { name: /Ada Lovelace/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 360, height: 760 })
    await page.getByRole('button', { name: 'Open the navigation' }).click()
    await page.getByRole('dialog').getByRole('link', { name: 'Members' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(() => colorProblems(page), { timeout: 5_000 }).toEqual([])
    await page.goto('/plugins')
    await settle(page)
    await page.getByRole('button', { name: /^Filters/ }).click()
    await page.getByRole('group', { name: 'Filters' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await close()
  })
})

describe('two people at once', { timeout: 90_000 }, () => {
  it('see their own organizations only', async () => {
    const [admin, newcomer] = [
      await visit(browser, { baseURL: tenon.url }),
      await visit(browser, { baseURL: tenon.url }),
    ]
    await admin.page.goto('/plugins/my-plugins')
    await signIn(admin.page, people.admin)
    await newcomer.page.goto('/plugins/my-plugins')
    await signIn(newcomer.page, people.newcomer)
    await admin.page.getByText('3 plugins installed').waitFor()
    await newcomer.page.getByText('No plugins installed yet').waitFor()
    await admin.close()
    await newcomer.close()
  })
})

describe('the walls that stand', { timeout: 90_000 }, () => {
  it('are shown to whoever runs the installation, and to nobody else', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/settings')
    await signIn(page, people.admin)
    await page.getByText(/^T[123]$/).waitFor()
    await page.getByText('the database itself refuses what plugins have no use for').waitFor()
    await close()
    const other = await visit(browser, { baseURL: tenon.url })
    await other.page.goto('/settings')
    await signIn(other.page, people.newcomer)
    await other.page.getByRole('heading', { name: 'Appearance' }).waitFor()
    await settle(other.page)
    expect(await other.page.getByRole('heading', { name: 'Protection' }).count()).toBe(0)
    await other.close()
  })
})

describe('a page whose code is no longer there', { timeout: 90_000 }, () => {
  it('says so, leaves what is around it alone, and is there after it was loaded again', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/')
    await signIn(page, people.admin)
    await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
    await page.route('**/RisksPage-*.js', (route) => route.abort())
    await page.getByRole('link', { name: 'Risks', exact: true }).first().click()
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'Members' }).click()
    await page.getByRole('heading', { name: 'Members', level: 1 }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'This page cannot be shown' }).waitFor()
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Load it again' }).click()
    await page.getByRole('heading', { name: 'Risks', level: 1, exact: true }).waitFor()
    await close()
  })

  it('is not missed where it only tells of runs in a corner', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.route('**/RunToasts-*.js', (route) => route.abort())
    await page.goto('/risks')
    await signIn(page, people.admin)
    await page.getByText('3 entries').waitFor()
    await settle(page)
    expect(await page.getByRole('heading', { name: 'Risks', level: 1, exact: true }).count()).toBe(1)
    await close()
  })
})

describe('a search without a hit', { timeout: 90_000 }, () => {
  it('that is cleared keeps its field while the rows are on their way', async () => {
    const { page, context, close } = await visit(browser, { baseURL: tenon.url })
    await context.addCookies(states.get('admin')?.cookies ?? [])
    await page.goto('/risks?q=zzzzz')
    await page.getByText('Nothing fits your search.').waitFor()
    await page.route(/\/api\/risks\?/, () => undefined)
    const field = page.getByLabel('Search risks')
    await field.click()
    const asked = page.waitForRequest((request) => /\/api\/risks\?/.test(request.url()))
    await field.fill('')
    await asked
    await page.waitForTimeout(100)
    expect(await field.evaluate((element) => element === document.activeElement)).toBe(true)
    await close()
  })
})

describe('a server that is away', { timeout: 90_000 }, () => {
  it('takes nothing away from who comes back to the page, and is asked again by a button when there is nothing yet', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/risks')
    await signIn(page, people.admin)
    await page.getByRole('button', { name: 'Add a risk' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('Half a thought')
    const looks = { count: 0 }
    await page.route('**/api/session', (route) => {
      looks.count += 1
      return route.fulfill({ status: 500, contentType: 'application/json', body: '{"message":"Oh"}' })
    })
    await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')))
    await expect.poll(() => looks.count, { timeout: 20_000 }).toBeGreaterThan(0)
    await settle(page)
    expect(await page.getByRole('dialog').getByLabel('Name').inputValue()).toBe('Half a thought')
    await page.reload()
    await page.getByText('Tenon cannot be reached').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.unrouteAll()
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('3 entries').waitFor()
    await close()
  })
})

describe('a session that ends', { timeout: 90_000 }, () => {
  it('asks to sign in again, and goes on where the person was', async () => {
    const { page, context, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/risks')
    await signIn(page, people.admin)
    await page.getByText('3 entries').waitFor()
    await context.clearCookies()
    await page.getByRole('link', { name: 'Plugins' }).click()
    await page.getByText('Your session has ended').waitFor()
    await signIn(page, people.admin)
    await page.getByRole('heading', { name: 'Plugins', level: 1 }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { name: 'Risks', level: 1, exact: true }).waitFor()
    await close()
  })
})

describe('the keyboard alone', { timeout: 90_000 }, () => {
  it('reaches the content, opens a dialog that keeps the focus, and comes back to where it was', async () => {
    const { page, close } = await visit(browser, { baseURL: tenon.url })
    await page.goto('/plugins')
    await signIn(page, people.newcomer)
    await settle(page)
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content')
    const install = page.getByRole('button', { name: /^Install / }).first()
    await install.focus()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByText('It will be able to').waitFor()
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press('Tab')
      expect(await page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null)).toBe(true)
    }
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(() => install.evaluate((button) => button === document.activeElement)).toBe(true)
    await close()
  })
})

describe('the first load of the plugins page', { timeout: 90_000 }, () => {
  it('is at most 200 KB of compressed JavaScript, and one request for what is installed', async () => {
    const { page, context, close } = await visit(browser, { baseURL: tenon.url })
    await context.addCookies(states.get('admin')?.cookies ?? [])
    let asked = 0
    page.on('request', (request) => {
      if (request.url().endsWith('/api/plugins/installations')) asked += 1
    })
    await page.goto('/plugins')
    await settle(page)
    const bytes = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => name.endsWith('.js'))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    )
    expect(bytes).toBeGreaterThan(50_000)
    expect(bytes).toBeLessThanOrEqual(200_000)
    expect(asked).toBe(1)
    await close()
  })
})
