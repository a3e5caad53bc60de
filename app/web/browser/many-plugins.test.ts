import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { manyPlugins } from './many-plugins.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, colorProblems, register, settle, visit, type Visitor } from './visitor.js'

const count = 2_000
const longName = 'A plugin with a name that goes on and on '.repeat(4).trim()

let directory: string
let tenon: Tenon
let browser: Browser
let visitor: Visitor
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-many-'))
  await writeFile(
    join(directory, 'plugins.json'),
    JSON.stringify({ version: '1.0.0', plugins: manyPlugins(count, longName) }),
  )
  ;[tenon, browser] = await Promise.all([
    startTenon({ PLUGIN_MARKETPLACE_URL: join(directory, 'plugins.json') }),
    startBrowser(),
  ])
  visitor = await visit(browser, { baseURL: tenon.url })
  await register(visitor.page, { organization: 'Acme', email: 'ada@acme.example' })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
  await rm(directory, { recursive: true, force: true })
})

describe('two thousand plugins', { timeout: 90_000 }, () => {
  it('are listed, while only those near the screen exist', async () => {
    const { page } = visitor
    await page.goto('/plugins')
    await page.getByText('2,000 plugins').waitFor()
    await settle(page)
    await page.getByRole('link', { name: longName }).waitFor()
    expect(await page.locator('.tn-card').count()).toBeLessThan(60)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
    await expect.poll(() => colorProblems(page), { timeout: 5_000 }).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    await page.evaluate(() => window.scrollTo({ top: document.documentElement.scrollHeight }))
    await page.getByRole('link', { name: 'Plugin 1999' }).waitFor()
    expect(await page.locator('.tn-card').count()).toBeLessThan(60)
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('are narrowed while one types, in an address that can be sent to somebody', async () => {
    const { page } = visitor
    await page.evaluate(() => window.scrollTo(0, 0))
    await page.getByLabel('Search plugins').fill('plugin 1234')
    await page.getByText('1 of 2,000 plugins').waitFor()
    await expect.poll(() => new URL(page.url()).searchParams.get('q')).toBe('plugin 1234')
    await page.getByRole('button', { name: 'Clear the search' }).click()
    // Letter by letter on a slow machine: none may get lost while the address follows.
    const session = await page.context().newCDPSession(page)
    await session.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    await page.getByLabel('Search plugins').pressSequentially('plugin 1234', { delay: 20 })
    await page.getByText('1 of 2,000 plugins').waitFor()
    await session.send('Emulation.setCPUThrottlingRate', { rate: 1 })
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await page.getByRole('button', { name: /^Security/ }).click()
    await page.getByText('667 of 2,000 plugins').waitFor()
    await page.reload()
    await page.getByText('667 of 2,000 plugins').waitFor()
    expect(visitor.complaints).toEqual([])
  })
})
