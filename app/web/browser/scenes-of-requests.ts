import type { Page } from 'playwright-core'
import type { Scene } from './scene.js'

const requests = '**/api/plugins/requests?*'
const nothing = { message: 'OK', data: { items: [], total: 0 } }
const answers = (status: number, body: object) => (page: Page) =>
  page.route(requests, (route) =>
    route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) }),
  )
const fails = answers(503, {
  message: 'Service Unavailable',
  error: 'The database connections are all in use. Try again.',
  code: 'DATABASE_BUSY',
  requestId: '5d0c1f9e-8a55-4f6e-9f3a-0d8f1f0a7c11',
})

/** Somebody asks for a plugin and an admin answers, as both see it; see `fillRequests` for what there is. */
export const scenesOfRequests: Scene[] = [
  { name: 'requests', as: 'asked', path: '/plugins/requests' },
  { name: 'requests-empty', as: 'asked', path: '/plugins/requests', before: answers(200, nothing) },
  {
    name: 'requests-loading',
    as: 'asked',
    path: '/plugins/requests',
    before: (page) => page.route(requests, () => undefined),
    unsettled: true,
  },
  {
    name: 'requests-error',
    as: 'asked',
    path: '/plugins/requests',
    before: fails,
    then: (page) => page.getByText('The requests cannot be shown').waitFor({ timeout: 20_000 }),
  },
  {
    name: 'requests-decline',
    as: 'asked',
    path: '/plugins/requests',
    async then(page) {
      await page
        .getByRole('button', { name: /^Decline / })
        .first()
        .click()
      await page.getByLabel('Why not?').waitFor()
    },
  },
  {
    name: 'requests-install',
    as: 'asked',
    path: '/plugins/requests',
    async then(page) {
      await page
        .getByRole('button', { name: /^Install / })
        .first()
        .click()
      await page.getByRole('button', { name: 'Allow and install', disabled: false }).waitFor()
    },
  },
  { name: 'requests-editor', as: 'asker', path: '/plugins/requests' },
  { name: 'dashboard-requests', as: 'asked', path: '/' },
  { name: 'plugins-editor', as: 'asker', path: '/plugins' },
  {
    name: 'request',
    as: 'asker',
    path: '/plugins',
    async then(page) {
      await page
        .getByRole('button', { name: /^Ask for / })
        .first()
        .click()
      await page.getByLabel('What do you need it for?').waitFor()
    },
  },
  { name: 'request-open', as: 'asker', path: '/plugins', then: openCard(/^Withdraw the request for /) },
  {
    name: 'request-declined',
    as: 'asker',
    path: '/plugins',
    async then(page) {
      await page.getByRole('article').filter({ hasText: 'Request declined' }).getByRole('link').first().click()
      await page.getByText('Your request was declined').waitFor()
    },
  },
]

function openCard(button: RegExp) {
  return async (page: Page) => {
    await page
      .getByRole('article')
      .filter({ has: page.getByRole('button', { name: button }) })
      .first()
      .getByRole('link')
      .first()
      .click()
    await page.getByRole('link', { name: 'All plugins' }).waitFor()
    await page.getByText(/^Asked on/).waitFor()
  }
}
