import { AxeBuilder } from '@axe-core/playwright'
import axeCore, { type Result, type run } from 'axe-core'
import type { Browser, BrowserContext, Frame, Page, Request } from 'playwright-core'

/** A person with a browser of their own: no cookies, no memory. */
export interface Visitor {
  context: BrowserContext
  page: Page
  /** What the browser complained about: errors of scripts, and everything that the security policy refused. */
  complaints: string[]
  close(): Promise<void>
}

/** What each page is waiting for. */
const underWay = new WeakMap<Page, Set<Request>>()

/** When a request of a page began or ended last. */
const lastNews = new WeakMap<Page, number>()

interface VisitorOptions {
  baseURL: string
  width?: number
  height?: number
  colorScheme?: 'light' | 'dark'
  /** Also looks at pages of stand-ins, whose certificates no browser knows. */
  ignoreHTTPSErrors?: boolean
}

export async function visit(
  browser: Browser,
  { baseURL, width = 1440, height = 900, colorScheme = 'light', ignoreHTTPSErrors = false }: VisitorOptions,
): Promise<Visitor> {
  const context = await browser.newContext({
    baseURL,
    colorScheme,
    ignoreHTTPSErrors,
    viewport: { width, height },
    reducedMotion: 'reduce',
    acceptDownloads: true,
    timezoneId: 'UTC',
  })
  const page = await context.newPage()
  if (networkDelayMs > 0) await slowDown(context)
  watchRequests(page)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text())
    }
  })
  return { context, page, complaints, close: () => context.close() }
}

/** So long each request to an API waits before it is sent; for trying the pages as somebody far away has them. */
const networkDelayMs = Number(process.env['TEST_NETWORK_DELAY_MS'] ?? 0)

async function slowDown(context: BrowserContext) {
  const isOfApi = ({ pathname }: URL) => /^\/(api|backend)\//.test(pathname) && !isFollowed(pathname)
  await context.route(isOfApi, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, networkDelayMs))
    // The page may have left meanwhile.
    await route.fallback().catch(() => {})
  })
}

/** What is followed live never ends. */
const isFollowed = (pathname: string): boolean => /\/(events|stream)$/.test(pathname)

export const password = 'correct horse battery'

export async function register(page: Page, { organization, email }: { organization: string; email: string }) {
  await page.goto('/register')
  await page.getByLabel('Organization').fill(organization)
  await page.getByLabel('First name').fill('Ada')
  await page.getByLabel('Last name').fill('Lovelace')
  await page.getByLabel('Work email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Create the organization' }).click()
  await page.getByRole('heading', { name: 'Hello, Ada' }).waitFor()
}

export async function signIn(page: Page, email: string) {
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign in' }).waitFor({ state: 'detached' })
}

function watchRequests(page: Page) {
  const requests = new Set<Request>()
  underWay.set(page, requests)
  const note = (change: () => unknown) => {
    change()
    lastNews.set(page, Date.now())
  }
  page.on('request', (request) => {
    if (!isFollowed(new URL(request.url()).pathname)) note(() => requests.add(request))
  })
  page.on('requestfinished', (request) => note(() => requests.delete(request)))
  page.on('requestfailed', (request) => note(() => requests.delete(request)))
}

const quietMs = 100
const settledWithinMs = 30_000

/** Waits until the page is busy with nothing but waiting: all of its code is there, and no request begins or ends. */
export async function stall(page: Page) {
  while (Date.now() - (lastNews.get(page) ?? 0) < 2 * quietMs) await page.waitForTimeout(quietMs / 4)
  await page.locator('[aria-busy="true"]').first().waitFor()
}

/**
 * Waits until nothing is loading any more: the page has a heading, asks for nothing, and says nowhere that it is busy. One
 * whose code has not run yet is as quiet as one that is there, and has no heading.
 */
export async function settle(page: Page) {
  const isBusy = async () =>
    (underWay.get(page)?.size ?? 0) > 0 ||
    (await page.locator('h1').count()) === 0 ||
    (await page.locator('[aria-busy="true"]').count()) > 0
  const end = Date.now() + settledWithinMs
  for (let quietSince = Date.now(); Date.now() - quietSince < quietMs;) {
    if (Date.now() > end) throw new Error(`${page.url()} is still busy after ${settledWithinMs} ms`)
    await page.waitForTimeout(quietMs / 4)
    if (await isBusy()) quietSince = Date.now()
  }
}

/** What axe finds wrong, in a form that a failing test can be read from. */
export async function accessibilityProblems(page: Page) {
  // Asks the page once, instead of opening a second page that puts the answers of all frames together.
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode(true)
  return (await axe.analyze()).violations.map(inWords)
}

/**
 * The same within the page of a plugin. It has an origin of its own, so the page around it learns nothing of what is in
 * it, and neither does what looks at that page.
 */
export async function frameProblems(frame: Frame) {
  await frame.evaluate(axeCore.source)
  const violations = await frame.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: typeof run } }
    // The page around it has the first heading and the landmarks, one of which the frame is in.
    const ofWholePages = ['landmark-one-main', 'page-has-heading-one', 'region']
    const rules = Object.fromEntries(ofWholePages.map((rule) => [rule, { enabled: false }]))
    return (await axe.run({ rules, resultTypes: ['violations'] })).violations
  })
  return violations.map(inWords)
}

/** The same for what depends on colours: enough for a page that was looked at whole in its other colours before. */
export async function colorProblems(page: Page) {
  const violations = await page.evaluate(async () => {
    // What looked at the page whole is still there.
    const { axe } = window as unknown as { axe: { run: typeof run } }
    const found = await axe.run({ runOnly: ['color-contrast', 'link-in-text-block'], resultTypes: ['violations'] })
    return found.violations
  })
  return violations.map(inWords)
}

function inWords({ id, nodes }: Result): string {
  const places = nodes.slice(0, 3).map(({ html, failureSummary = '' }) => {
    return `${html.slice(0, 160)} (${failureSummary.replaceAll(/\s+/g, ' ').slice(0, 200)})`
  })
  return `${id}: ${places.join(' | ')}`
}
