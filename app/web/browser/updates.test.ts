import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
    await page.getByRole('article').getByText('Version 1.1.0 available').waitFor()
    await page.getByRole('link', { name: /^Updates/ }).click()
    await page.getByText('1 plugin with a newer version').waitFor()
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
