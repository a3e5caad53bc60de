import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'

/** A person with a browser of their own: no cookies, no memory. */
export interface Visitor {
  context: BrowserContext
  page: Page
  /** What the browser complained about: errors of scripts, and everything that the security policy refused. */
  complaints: string[]
  close(): Promise<void>
}

interface VisitorOptions {
  baseURL: string
  width?: number
  height?: number
  colorScheme?: 'light' | 'dark'
}

export async function visit(
  browser: Browser,
  { baseURL, width = 1440, height = 900, colorScheme = 'light' }: VisitorOptions,
): Promise<Visitor> {
  const context = await browser.newContext({
    baseURL,
    colorScheme,
    viewport: { width, height },
    reducedMotion: 'reduce',
    acceptDownloads: true,
    timezoneId: 'UTC',
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text())
    }
  })
  return { context, page, complaints, close: () => context.close() }
}

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

/** Waits until nothing is loading any more. */
export async function settle(page: Page) {
  await page.waitForLoadState('networkidle')
  await page
    .locator('[aria-busy="true"]')
    .first()
    .waitFor({ state: 'detached' })
    .catch(() => undefined)
}

interface AccessibilityOptions {
  /** Only what depends on colours: enough for a page that was looked at whole in its other colours. */
  colorsOnly?: boolean
}

/** What axe finds wrong, in a form that a failing test can be read from. */
export async function accessibilityProblems(page: Page, { colorsOnly = false }: AccessibilityOptions = {}) {
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] })
  if (colorsOnly) axe.withRules(['color-contrast', 'link-in-text-block'])
  // Asks the page once, instead of opening a second page that puts the answers of all frames together.
  const { violations } = await axe.setLegacyMode(true).analyze()
  return violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map(
          ({ html, failureSummary = '' }) =>
            `${html.slice(0, 160)} (${failureSummary.replaceAll(/\s+/g, ' ').slice(0, 200)})`,
        )
        .join(' | ')}`,
  )
}
