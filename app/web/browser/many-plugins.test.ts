import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { register, settle, visit, type Visitor } from './visitor.js'

const count = 2_000
const longName = 'A plugin with a name that goes on and on '.repeat(4).trim()

let directory: string
let tenon: Tenon
let browser: Browser
let visitor: Visitor
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-many-'))
  await writeFile(join(directory, 'plugins.json'), JSON.stringify({ version: '1.0.0', plugins: entries() }))
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

function entries() {
  const categories = ['security', 'monitoring', 'analytics']
  return Array.from({ length: count }, (_, index) => ({
    key: `plugin-${index}`,
    name: `Plugin ${index}`,
    displayName: index === 0 ? longName : `Plugin ${index}`,
    description: `What plugin ${index} does`,
    version: '1.0.0',
    category: categories[index % categories.length],
    isOfficial: false,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'standard',
    pluginPath: `plugins/plugin-${index}`,
    entryPoint: 'index.ts',
  }))
}

describe('two thousand plugins', { timeout: 90_000 }, () => {
  it('are listed, while only those near the screen exist', async () => {
    const { page } = visitor
    await page.goto('/plugins')
    await page.getByText('2,000 plugins').waitFor()
    await settle(page)
    await page.getByRole('link', { name: longName }).waitFor()
    expect(await page.locator('.tn-card').count()).toBeLessThan(60)
    await page.evaluate(() => window.scrollTo({ top: document.documentElement.scrollHeight }))
    await page.getByRole('link', { name: 'Plugin 1999' }).waitFor()
    expect(await page.locator('.tn-card').count()).toBeLessThan(60)
  })

  it('are narrowed while one types, in an address that can be sent to somebody', async () => {
    const { page } = visitor
    await page.evaluate(() => window.scrollTo(0, 0))
    await page.getByLabel('Search plugins').fill('plugin 1234')
    await page.getByText('1 of 2,000 plugins').waitFor()
    expect(new URL(page.url()).searchParams.get('q')).toBe('plugin 1234')
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await page.getByRole('button', { name: /^Security/ }).click()
    await page.getByText('667 of 2,000 plugins').waitFor()
    await page.reload()
    await page.getByText('667 of 2,000 plugins').waitFor()
    expect(visitor.complaints).toEqual([])
  })
})
