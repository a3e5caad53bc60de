import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import { accessibilityProblems, colorProblems, settle, type Visitor } from './visitor.js'
import { entryOf, type OwnMarketplace, writeMarketplace } from './working-plugin.js'

const lineCount = 2_400
/** Of more in a second, the rest is left out. */
const linesAtOnce = 400

const talker = {
  entry: entryOf('talker', 'Talker', {}),
  source: `
    export async function install() { return { success: true } }
    export async function uninstall() { return { success: true } }
    export const metadata = { name: 'Talker', version: '1.0.0', author: 'A', description: 'Talks' }
    export const router = {
      'POST /say': async ({ body, log }: any) => {
        for (let line = body.from; line <= body.to; line += 1) {
          if ((line - body.from) % ${linesAtOnce} === ${linesAtOnce - 1}) await new Promise((go) => setTimeout(go, 1_050))
          log[line % 10 === 0 ? 'warn' : 'info']('line ' + line + '.' + (line % 7 === 0 ? ' It goes on.'.repeat(30) : ''))
        }
        return { data: 'said' }
      },
    }`,
}

let marketplace: OwnMarketplace
let started: SignedInAdmin
let visitor: Visitor
let page: Page
const say = (from: number, to: number) => started.admin.call('POST', '/api/plugins/talker/say', { from, to })
beforeAll(async () => {
  marketplace = await writeMarketplace([talker])
  started = await startAsAdmin({
    email: 'ada@acme.example',
    path: '/',
    environment: { PLUGIN_MARKETPLACE_URL: marketplace.location },
    async prepare(admin) {
      const { id } = await admin.call<{ id: number }>('POST', '/api/plugins/install', { pluginKey: 'talker' })
      await admin.call('POST', '/api/plugins/talker/say', { from: 1, to: lineCount })
      const { total } = await admin.call<{ total: number }>('GET', `/api/plugins/installations/${id}/logs?text=line`)
      expect(total).toBe(lineCount)
    },
  })
  ;({ visitor, page } = started)
  await page.goto('/plugins/talker/manage?section=logs')
}, 180_000)
afterAll(async () => {
  await started?.close()
  await marketplace?.remove()
})

describe('a log of thousands of lines', { timeout: 60_000 }, () => {
  const log = () => page.getByRole('log')
  const line = (number: number) => log().getByText(`line ${number}.`)
  const drawn = () => page.locator('.tn-log-line').count()
  const topOf = (number: number) => line(number).evaluate((element) => Math.round(element.getBoundingClientRect().top))
  /** A line in the middle of what is seen. */
  const lineInTheMiddle = () =>
    log().evaluate((box) => {
      const { left, top, width, height } = box.getBoundingClientRect()
      const found = document.elementFromPoint(left + width / 2, top + height / 2)?.closest('.tn-log-line')
      return Number(/line (\d+)\./.exec(found?.textContent ?? '')?.[1])
    })
  const toEnd = () => page.getByRole('button', { name: /new lines?$|^To the newest$/ })

  it('begins at its end, and only the lines near what is seen exist', async () => {
    await line(lineCount).waitFor()
    await settle(page)
    expect(await drawn()).toBeGreaterThan(10)
    expect(await drawn()).toBeLessThan(120)
    expect(await toEnd().count()).toBe(0)
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('is read back to its first line by scrolling up', async () => {
    const looks = { count: 0 }
    await expect
      .poll(
        async () => {
          looks.count += 1
          await log().evaluate((box) => box.scrollTo(0, 0))
          return line(1).isVisible()
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBe(true)
    expect(await drawn()).toBeLessThan(120)
    await settle(page)
    await log().evaluate((box) => box.scrollTo(0, 0))
    await expect.poll(() => line(1).isVisible()).toBe(true)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
    await expect.poll(() => colorProblems(page), { timeout: 5_000 }).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
  })

  it('stays where somebody reads while more is printed, says how much, and leads there', async () => {
    await log().evaluate((box) => box.scrollTo(0, 9_000))
    await expect.poll(lineInTheMiddle).toBeGreaterThan(100)
    await settle(page)
    const read = await lineInTheMiddle()
    const before = await topOf(read)
    await say(lineCount + 1, lineCount + 3)
    await page.getByRole('button', { name: '3 new lines' }).waitFor()
    await say(lineCount + 4, lineCount + 4)
    await page.getByRole('button', { name: '4 new lines' }).waitFor()
    expect(await topOf(read)).toBe(before)
    await toEnd().press('Enter')
    await expect.poll(() => line(lineCount + 4).isVisible()).toBe(true)
    await toEnd().waitFor({ state: 'detached' })
    expect(await log().evaluate((box) => box === document.activeElement)).toBe(true)
  })

  it('goes on with what is printed for who is at its end', async () => {
    await say(lineCount + 5, lineCount + 60)
    await expect.poll(() => line(lineCount + 60).isVisible()).toBe(true)
    await expect
      .poll(() => log().evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight))
      .toBeLessThan(24)
    expect(await toEnd().count()).toBe(0)
  })

  it('is at its first line with one key, also when that has not been read yet, and back at its end with another', async () => {
    await page.reload()
    await line(lineCount + 60).waitFor()
    await log().press('Home')
    await expect.poll(() => line(1).isVisible(), { timeout: 15_000 }).toBe(true)
    await log().press('End')
    await expect.poll(() => line(lineCount + 60).isVisible()).toBe(true)
    await toEnd().waitFor({ state: 'detached' })
  })

  it('keeps the place of who reads when earlier lines come', async () => {
    await page.reload()
    await line(lineCount + 60).waitFor()
    await settle(page)
    let answer = (): void => undefined
    const held = new Promise<void>((go) => (answer = go))
    await page.route(/\/logs\?.*before=/, async (route) => {
      await held
      await route.continue()
    })
    await log().evaluate((box) => box.scrollTo(0, 700))
    await page.getByText('Earlier lines are on their way.').waitFor()
    await expect.poll(lineInTheMiddle).toBeGreaterThan(lineCount - 200)
    const read = await lineInTheMiddle()
    const before = await topOf(read)
    answer()
    await page.getByText('Earlier lines are on their way.').waitFor({ state: 'detached' })
    await settle(page)
    expect(Math.abs((await topOf(read)) - before)).toBeLessThanOrEqual(2)
    await page.unrouteAll()
  })

  it('is found by level and text among all that is kept', async () => {
    await page.getByLabel('Search the log').fill('line 140.')
    await line(140).waitFor()
    await page.getByText('Errors', { exact: true }).click()
    await log().getByText('It has printed nothing yet.').waitFor()
    expect(visitor.complaints).toEqual([])
  })
})
