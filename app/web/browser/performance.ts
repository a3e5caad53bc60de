import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { startBrowser } from './find-browser.js'
import { manyPlugins } from './many-plugins.js'
import { registerOverApi } from './people.js'
import { startTenon } from './start-tenon.js'
import { signIn, visit } from './visitor.js'

/**
 * `npm run bench` asks for this: how the page of 2,000 plugins loads and answers with a processor that is four times
 * slower. Prints one line of JSON.
 */
const pluginCount = 2_000
const slowDown = 4
/** Longer than anything that still moves after a load. */
const settledMs = 2_500
const email = 'ada@acme.example'

export interface ClientFigures {
  scriptKilobytes: number
  largestPaintMs: number
  layoutShift: number
  interactionMs: number
  installationRequests: number
}

declare global {
  interface Window {
    seen: { paint: number; shift: number; interaction: number }
  }
}

/** Keeps what the browser itself measures, from the first byte of the page. */
function observe(): void {
  window.seen = { paint: 0, shift: 0, interaction: 0 }
  const watch = (type: string, note: (entry: PerformanceEntry) => void, more: object = {}) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true, ...more })
  watch('largest-contentful-paint', ({ startTime }) => (window.seen.paint = startTime))
  watch('layout-shift', (entry) => {
    const { value, hadRecentInput } = entry as PerformanceEntry & { value: number; hadRecentInput: boolean }
    if (!hadRecentInput) window.seen.shift += value
  })
  watch(
    'event',
    (entry) => {
      const { interactionId } = entry as PerformanceEntry & { interactionId: number }
      if (interactionId > 0) window.seen.interaction = Math.max(window.seen.interaction, entry.duration)
    },
    { durationThreshold: 16 },
  )
}

/** Bytes of scripts as they came over the wire, compressed. */
function scriptBytesOf(page: Page): Promise<number> {
  return page.evaluate(() =>
    (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
      .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
      .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
  )
}

async function measurePage(page: Page): Promise<ClientFigures> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowDown })
  const asked: string[] = []
  page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await page.addInitScript(observe)
  await page.goto('/plugins')
  await page.getByText(`${pluginCount.toLocaleString('en')} plugins`).waitFor()
  await page.waitForTimeout(settledMs)
  const loaded = await page.evaluate(() => ({ ...window.seen }))
  const scriptKilobytes = (await scriptBytesOf(page)) / 1000
  const installationRequests = asked.filter((path) => path === '/api/plugins/installations').length
  await page.getByLabel('Search plugins').click()
  await page.evaluate(() => void (window.seen.interaction = 0))
  await page.keyboard.type('plugin 1234', { delay: 120 })
  await page.getByText('1 of 2,000 plugins').waitFor()
  for (let count = 0; count < 4; count += 1) await page.keyboard.press('Backspace', { delay: 120 })
  await page.waitForTimeout(settledMs)
  const { interaction, shift } = await page.evaluate(() => window.seen)
  return {
    scriptKilobytes,
    largestPaintMs: loaded.paint,
    layoutShift: Math.max(loaded.shift, shift),
    interactionMs: interaction,
    installationRequests,
  }
}

const directory = await mkdtemp(join(tmpdir(), 'tenon-performance-'))
const marketplace = join(directory, 'plugins.json')
await writeFile(marketplace, JSON.stringify({ version: '1.0.0', plugins: manyPlugins(pluginCount) }))
const [tenon, browser] = await Promise.all([startTenon({ PLUGIN_MARKETPLACE_URL: marketplace }), startBrowser()])
try {
  await registerOverApi(tenon.url, 'Acme', email)
  const { page } = await visit(browser, { baseURL: tenon.url })
  await page.goto('/')
  await signIn(page, email)
  const measured = await page.context().newPage()
  await page.close()
  process.stdout.write(`${JSON.stringify(await measurePage(measured))}\n`)
} finally {
  await browser.close()
  await tenon.stop()
  await rm(directory, { recursive: true, force: true })
}
