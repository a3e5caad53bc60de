import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packMarketplace } from '@tenon/host/packing'
import type { Browser, Frame, FrameLocator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { type Api, registerOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, frameProblems, signIn, visit, type Visitor } from './visitor.js'

// UIs of plugins in a real browser: one that behaves, and one that tries everything.

const examples = fileURLToPath(new URL('../../../examples/plugins', import.meta.url))
const fixtures = fileURLToPath(new URL('fixtures/hostile-frame', import.meta.url))
const email = 'ada@acme.example'
const patiently = { timeout: 10_000 }

let directory: string
let tenon: Tenon
let browser: Browser
let visitor: Visitor
let admin: Api
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-frames-'))
  const marketplace = await packBoth()
  ;[tenon, browser] = await Promise.all([startTenon({ PLUGIN_MARKETPLACE_URL: marketplace }), startBrowser()])
  admin = await registerOverApi(tenon.url, 'Acme', email)
  for (const pluginKey of ['risk-board', 'hostile-frame']) {
    await admin.call('POST', '/api/plugins/install', { pluginKey })
  }
  for (const [severity, count] of [
    ['Major', 2],
    ['Minor', 1],
  ] as const) {
    for (let index = 0; index < count; index += 1) await admin.call('POST', '/api/risks', risk(severity, index))
  }
  visitor = await visit(browser, { baseURL: tenon.url })
  await visitor.page.goto('/')
  await signIn(visitor.page, email)
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
  await rm(directory, { recursive: true, force: true })
})

/** One marketplace of the two, as `tenon pack` makes it. */
async function packBoth(): Promise<string> {
  const [outDir, other] = [join(directory, 'a'), join(directory, 'b')]
  await packMarketplace({ marketplaceDir: examples, outDir, only: ['risk-board'] })
  await packMarketplace({ marketplaceDir: fixtures, outDir: other })
  await cp(join(other, 'artifacts'), join(outDir, 'artifacts'), { recursive: true })
  const read = async (folder: string) =>
    JSON.parse(await readFile(join(folder, 'plugins.json'), 'utf8')) as { plugins: object[] }
  const [ours, hostile] = [await read(outDir), await read(other)]
  const manifest = join(outDir, 'plugins.json')
  await writeFile(manifest, JSON.stringify({ ...ours, plugins: [...ours.plugins, ...hostile.plugins] }))
  return manifest
}

const risk = (severity: string, index: number) => ({
  risk_name: `A ${severity} risk ${index}`,
  risk_description: 'Something may happen',
  likelihood: 'Likely',
  severity,
  ai_lifecycle_phase: 'Monitoring & maintenance',
})

async function open(pluginKey: string, page: string): Promise<{ page: Page; frame: FrameLocator }> {
  await visitor.page.goto(`/plugins/${pluginKey}/manage?section=ui&page=${page}`)
  return { page: visitor.page, frame: visitor.page.frameLocator('iframe.tn-frame') }
}

function frameOf(page: Page): Frame {
  const frame = page.frames().find((one) => one.url().includes('/plugins/frames/'))
  if (!frame) throw new Error('The plugin has no page')
  return frame
}

describe('a plugin with a UI of its own', { timeout: 60_000 }, () => {
  it('shows what its routes answer, goes to its other page, and comes back', async () => {
    const { page, frame } = await open('risk-board', 'board')
    await frame.getByRole('button', { name: 'Likely, Major: 2', exact: true }).click()
    await frame.getByText('A Major risk 1').waitFor()
    expect(new URL(page.url()).searchParams.get('page')).toBe('risks')
    expect(await frameProblems(frameOf(page))).toEqual([])
    await page.goBack()
    await frame.getByRole('button', { name: 'Likely, Minor: 1', exact: true }).waitFor()
  })

  it('is as high as what it shows, and looks like the page around it, light and dark', async () => {
    const { page, frame } = await open('risk-board', 'board')
    await frame.getByRole('button', { name: 'Likely, Major: 2', exact: true }).waitFor()
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.locator(`html[data-mantine-color-scheme="${colorScheme}"]`).waitFor()
      const ground = colorScheme === 'dark' ? 'rgb(21, 25, 32)' : 'rgb(255, 255, 255)'
      const shown = () => frame.locator('html').evaluate((html) => getComputedStyle(html).backgroundColor)
      await expect.poll(shown, patiently).toBe(ground)
      expect(await accessibilityProblems(page), colorScheme).toEqual([])
      expect(await frameProblems(frameOf(page)), colorScheme).toEqual([])
      const height = await page.locator('iframe.tn-frame').evaluate((element) => element.clientHeight)
      const content = await frame.locator('html').evaluate((html) => Math.ceil(html.getBoundingClientRect().height))
      expect(Math.abs(height - content)).toBeLessThanOrEqual(1)
    }
    await page.emulateMedia({ colorScheme: 'light' })
    expect(visitor.complaints.splice(0)).toEqual([])
  })
})

describe('a frame that tries everything', { timeout: 60_000 }, () => {
  it('reaches nothing of the page, the browser, the API or the network', async () => {
    const requests: string[] = []
    visitor.page.on('request', (request) => requests.push(new URL(request.url()).pathname))
    const { page, frame } = await open('hostile-frame', 'reach')
    await frame.locator('#done').waitFor({ timeout: 50_000 })
    const outcomes = await frame
      .locator('p[id]')
      .evaluateAll((all) => all.map(({ id, textContent }) => [id, textContent]))
    expect(outcomes.filter(([, text]) => text?.startsWith('got'))).toEqual([])
    expect(outcomes.length).toBeGreaterThan(20)
    expect(new URL(page.url()).pathname).toBe('/plugins/hostile-frame/manage')
    expect(requests.filter((path) => /stolen|logout/.test(path))).toEqual([])
    expect(page.context().pages()).toHaveLength(1)
    await admin.call('GET', '/api/risks')
  })

  it('calls the listed routes of its own plugin as the signed-in user, and nothing else', async () => {
    const { frame } = await open('hostile-frame', 'bridge')
    await frame.locator('#done').waitFor()
    const outcomes = await frame
      .locator('p[id]')
      .evaluateAll((all) => all.map(({ id, textContent }) => [id, textContent]))
    expect(Object.fromEntries(outcomes)).toEqual({
      own: 'got "own a b"',
      'as-user': 'got "by 1"',
      'not-listed': 'ROUTE_NOT_LISTED',
      host: 'ROUTE_NOT_LISTED',
      installs: 'ROUTE_NOT_LISTED',
      tests: 'ROUTE_NOT_LISTED',
      'tests-by-parameter': 'ROUTE_NOT_LISTED',
      accounts: 'ROUTE_NOT_LISTED',
      connects: 'ROUTE_NOT_LISTED',
      'connects-by-parameter': 'ROUTE_NOT_LISTED',
      up: 'ROUTE_NOT_LISTED',
      'up-twice': 'got "own ../../installations"',
      'up-in-disguise': 'got "own %2e%2e/%2e%2e/installations"',
      query: 'got "own x?y=1#z"',
      nothing: 'ROUTE_NOT_LISTED',
      prototype: 'ROUTE_NOT_LISTED',
      done: 'done',
    })
  })

  it.each([
    ['forged', 'it sent something that is no message'],
    ['giant', 'it sent something that is no message'],
    ['flood', 'it sent too many messages'],
    ['twice', 'it began anew'],
  ])('is closed when it is %s, and can be opened again', async (name, reason) => {
    const { page } = await open('hostile-frame', name)
    await page.getByText(`Its page was closed: ${reason}.`).waitFor()
    expect(await page.locator('iframe').count()).toBe(0)
    await page.getByRole('button', { name: 'Open it again' }).click()
    await page.getByText(`Its page was closed: ${reason}.`).waitFor()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('Tries everything that a frame must not do').first().waitFor()
  })

  it('gets no higher than a page that can be read, and goes only to pages of its own', async () => {
    const { page } = await open('hostile-frame', 'top')
    await expect.poll(() => new URL(page.url()).searchParams.get('page'), patiently).toBe('huge')
    await page.reload()
    await page.locator('iframe.tn-frame').waitFor()
    const height = () => page.locator('iframe.tn-frame').evaluate((element) => element.clientHeight)
    await expect.poll(height, patiently).toBe(4_000)
  })

  it('takes nothing along when it leaves its document', async () => {
    const asked: string[] = []
    visitor.page.on('request', (request) => asked.push(request.url()))
    const { page } = await open('hostile-frame', 'away')
    await page.getByText('Its page was closed: it left its own document.').waitFor()
    expect(asked.filter((url) => url.includes('elsewhere'))).toEqual([])
  })
})
