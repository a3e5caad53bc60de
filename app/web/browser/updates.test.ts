import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { registerOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, settle, signIn, visit, type Visitor } from './visitor.js'

const email = 'ada@acme.example'

let directory: string
let tenon: Tenon
let browser: Browser
let visitor: Visitor
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-updates-'))
  await publish('1.0.0', { database: { tenantSchema: true } })
  ;[tenon, browser] = await Promise.all([
    startTenon({ PLUGIN_MARKETPLACE_URL: join(directory, 'plugins.json') }),
    startBrowser(),
  ])
  const admin = await registerOverApi(tenon.url, 'Acme', email)
  await admin.call('POST', '/api/plugins/install', { pluginKey: 'notes' })
  await publish('1.1.0', { database: { tenantSchema: true, tables: { risks: ['select'] } } })
  await tenon.restart({})
  visitor = await visit(browser, { baseURL: tenon.url })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
  await rm(directory, { recursive: true, force: true })
})

async function publish(version: string, permissions: object) {
  await mkdir(join(directory, 'plugins/notes'), { recursive: true })
  await writeFile(
    join(directory, 'plugins/notes/index.ts'),
    `export async function install() { return { success: true } }
     export async function uninstall() { return { success: true } }
     export const metadata = { name: 'Notes', version: '${version}' }
     export const router = { 'GET /version': async () => ({ data: '${version}' }) }`,
  )
  const entry = {
    key: 'notes',
    name: 'Notes',
    displayName: 'Notes',
    description: 'Keeps notes',
    version,
    category: 'analytics',
    isOfficial: false,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'tenant_scoped',
    pluginPath: 'plugins/notes',
    entryPoint: 'index.ts',
    permissions,
    releases: [
      { version: '1.1.0', date: '2026-05-03', notes: ['Sees the risks of <b>everybody</b>'] },
      { version: '1.0.0', date: '2026-01-05', notes: ['Keeps notes'] },
    ],
  }
  await writeFile(join(directory, 'plugins.json'), JSON.stringify({ version: '1.0.0', plugins: [entry] }))
}

describe('an admin whose plugin has a newer version', { timeout: 90_000 }, () => {
  it('finds it under Updates, and reads what is new in it', async () => {
    const { page } = visitor
    await page.goto('/plugins')
    await signIn(page, email)
    await page.getByRole('button', { name: 'Update available 1', exact: true }).click()
    await page.getByRole('article').getByText('1.1.0 available').waitFor()
    await page.getByRole('link', { name: /^Updates/ }).click()
    await page.getByText('1 plugin with a newer version').waitFor()
    // In the narrowest of cards as well.
    await page.setViewportSize({ width: 1440, height: 900 })
    const label = page.getByRole('button', { name: 'Update Notes' }).locator('.mantine-Button-label')
    expect(await label.evaluate((words) => words.scrollWidth - words.clientWidth)).toBe(0)
    await page.getByRole('button', { name: 'Update Notes' }).click()
    const dialog = page.getByRole('dialog', { name: 'Update Notes' })
    await dialog.getByText('Version 1.0.0 → 1.1.0').waitFor()
    const news = dialog.getByRole('region', { name: 'What is new' })
    await news.getByText('Sees the risks of <b>everybody</b>').waitFor()
    await news.getByText('3 May 2026').waitFor()
    expect(await news.getByText('Version 1.0.0').count()).toBe(0)
    const changes = dialog.getByRole('region', { name: 'What changes' })
    await changes.getByRole('checkbox', { name: /risks/, checked: true }).waitFor()
    expect(await changes.getByRole('checkbox').count()).toBe(1)
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('agrees and updates, and is told the version that works now', async () => {
    const { page } = visitor
    await page.getByRole('button', { name: 'Allow and update' }).click()
    await page.getByText('Notes is at version 1.1.0.').waitFor({ timeout: 60_000 })
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.goto('/plugins/updates')
    await page.getByText('Everything is up to date').waitFor()
  })

  it('rolls back on the page of the plugin, and finds both in the activity', async () => {
    const { page } = visitor
    await page.goto('/plugins/notes/manage?section=versions')
    await settle(page)
    await page.getByRole('button', { name: 'Roll back to 1.0.0' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back', exact: true }).click()
    await page.getByText('Notes is at version 1.0.0 again').waitFor({ timeout: 60_000 })
    await page.getByRole('link', { name: 'Update to 1.1.0' }).waitFor()
    const all = page.getByRole('region', { name: 'All versions' })
    expect(
      await all
        .getByRole('listitem')
        .filter({ hasText: /^Version/ })
        .allTextContents(),
    ).toEqual([
      'Version 1.1.0 3 May 2026Sees the risks of <b>everybody</b>',
      'Version 1.0.0 Running5 Jan 2026Keeps notes',
    ])
    expect(await accessibilityProblems(page)).toEqual([])
    await page.goto('/plugins/activity')
    await page.getByText('Rollback').waitFor()
    await page.getByText('Update', { exact: true }).waitFor()
    await page.getByText('Ada Lovelace').first().waitFor()
    expect(visitor.complaints).toEqual([])
  })
})

describe('while something is under way', { timeout: 60_000 }, () => {
  const list = '**/api/plugins/installations'
  /** From now on the list of installations says this of each. */
  const listSays = async (change: object) => {
    await visitor.page.unroute(list)
    await visitor.page.route(list, async (route) => {
      const response = await route.fetch()
      const { data } = (await response.json()) as { data: object[] }
      await route.fulfill({ response, json: { data: data.map((row) => ({ ...row, ...change })) } })
    })
  }
  /** Answers a request when it is told to. */
  const hold = async (method: string, path: string, data: unknown) => {
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await visitor.page.route(path, async (route) => {
      if (route.request().method() !== method) return route.fallback()
      await held
      await route.fulfill({ json: { data } })
    })
    return release
  }
  afterEach(() => visitor.page.unrouteAll({ behavior: 'ignoreErrors' }))

  it('by somebody else, what people are at stays', async () => {
    const { page } = visitor
    await page.goto('/plugins/notes/manage?section=versions&update=1')
    const dialog = page.getByRole('dialog', { name: 'Update Notes' })
    await dialog.getByRole('button', { name: 'Allow and update' }).waitFor()
    await listSays({ status: 'updating' })
    await page.route('**/update', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 409, json: { data: 'Notes is being changed right now.', code: 'INSTALLATION_BUSY' } })
        : route.fallback(),
    )
    await dialog.getByRole('button', { name: 'Allow and update' }).click()
    await page.getByText('It is being brought to another version').waitFor()
    await dialog.getByText('Notes is being changed right now.').waitFor()
    await page.keyboard.press('Escape')
    for (const section of ['Health', 'Logs', 'Versions', 'Activity'])
      expect(await page.getByRole('link', { name: section, exact: true }).count(), section).toBe(1)
  })

  it('nothing asks for an update that there is not', async () => {
    const { page } = visitor
    await listSays({ updateAvailable: null })
    await page.goto('/plugins/notes/manage?section=versions&update=1')
    await page.waitForURL((url) => !url.searchParams.has('update'), { timeout: 10_000 })
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  it('of an installation that failed, what it did is there to be looked at', async () => {
    const { page } = visitor
    await listSays({ status: 'failed', errorMessage: 'It did not begin.' })
    await page.goto('/plugins/notes/manage')
    await page.getByText('It did not begin.').waitFor()
    for (const section of ['Health', 'Logs', 'Activity'])
      expect(await page.getByRole('link', { name: section, exact: true }).count(), section).toBe(1)
  })

  it('the end of a removal tells, and leaves people where they are', async () => {
    const { page } = visitor
    const release = await hold('DELETE', `${list}/*`, 'Plugin uninstalled successfully')
    await page.goto('/plugins/notes/manage')
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: /uninstall/ }).click()
    await page.getByLabel('Uninstall and keep its data').check()
    await page.getByRole('button', { name: 'Uninstall, keep data' }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Risks' }).click()
    await page.getByRole('heading', { name: 'Risks', level: 1 }).waitFor()
    release()
    await page.getByText('Plugin uninstalled successfully').waitFor()
    expect(new URL(page.url()).pathname).toBe('/risks')
  })

  it('the end of a removal closes no dialog that was opened meanwhile', async () => {
    const { page } = visitor
    const release = await hold('DELETE', `${list}/*`, 'Plugin uninstalled successfully')
    await page.goto('/plugins/my-plugins')
    const remove = async () => {
      await page.getByRole('button', { name: 'More for Notes' }).click()
      await page.getByRole('menuitem', { name: 'Uninstall' }).click()
      await page.getByLabel('Uninstall and keep its data').check()
    }
    await remove()
    await page.getByRole('button', { name: 'Uninstall, keep data' }).click()
    await page.keyboard.press('Escape')
    await remove()
    release()
    await page.getByText('Plugin uninstalled successfully').waitFor()
    expect(await page.getByRole('dialog').count()).toBe(1)
  })

  it('the keyboard stays in the dialog', async () => {
    const { page } = visitor
    const release = await hold('DELETE', `${list}/*`, 'Plugin uninstalled successfully')
    await page.goto('/plugins/notes/manage')
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: /uninstall/ }).click()
    await page.getByLabel('Uninstall and keep its data').check()
    const button = page.getByRole('dialog').getByRole('button', { name: 'Uninstall, keep data' })
    await button.focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => button.getAttribute('data-loading')).toBe('true')
    const isInDialog = () => page.evaluate(() => document.activeElement?.closest('[role="dialog"]') !== null)
    for (let tabs = 0; tabs < 12; tabs++) {
      expect(await isInDialog(), `after ${tabs} tabs`).toBe(true)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    release()
    expect(visitor.complaints).toEqual([])
  })
})
