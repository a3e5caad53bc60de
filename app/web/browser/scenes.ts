import type { Page } from 'playwright-core'
import type { Scene } from './scene.js'
import { hasBusyHours } from './scenes-of-charts.js'
import {
  failedRun,
  failsToInstall,
  hasAlerts,
  hasNoRuns,
  hasRuns,
  isInstalling,
  runsOfPlugin,
} from './scenes-of-runs.js'
import { scenesOfMoments } from './scenes-of-moments.js'
import { scenesOfRequests } from './scenes-of-requests.js'
import { scenesOfStates } from './scenes-of-states.js'
import { hasUpdate } from './scenes-of-updates.js'

const click = (role: 'button' | 'menuitem' | 'link', name: string | RegExp) => (page: Page) =>
  page.getByRole(role, { name }).first().click()
const marketplace = '**/api/plugins/marketplace'
const never = (page: Page, address: string) => page.route(address, () => undefined)
const fails = (page: Page, address: string) =>
  page.route(address, (route) =>
    route.fulfill({
      status: 503,
      contentType: 'application/json',
      body: JSON.stringify({
        message: 'Service Unavailable',
        error: 'The marketplace cannot be reached, and there is no earlier copy of it.',
        code: 'MARKETPLACE_UNREACHABLE',
        requestId: '5d0c1f9e-8a55-4f6e-9f3a-0d8f1f0a7c11',
      }),
    }),
  )
const isAway = (page: Page) =>
  page.route('**/api/health', async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as { data: { marketplace: object } }
    Object.assign(body.data.marketplace, { stale: true, fetchedAt: new Date(Date.now() - 3 * 3_600_000).toISOString() })
    await route.fulfill({ response: answer, json: body })
  })

/** The keys come from the marketplace that the product carries along; the client itself knows none. */
const withViews = '/plugins/mlflow/manage'
const withConnections = '/plugins/slack/manage'

export const scenes: Scene[] = [
  { name: 'sign-in', path: '/' },
  { name: 'register', path: '/register' },
  {
    name: 'sign-in-refused',
    path: '/',
    async then(page) {
      await page.getByLabel('Email').fill('nobody@acme.example')
      await page.getByLabel('Password', { exact: true }).fill('wrong password')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('alert').waitFor()
    },
  },
  { name: 'dashboard-new', as: 'newcomer', path: '/' },
  { name: 'dashboard', as: 'admin', path: '/' },
  { name: 'dashboard-reader', as: 'reader', path: '/' },
  { name: 'plugins', as: 'newcomer', path: '/plugins' },
  { name: 'plugins-reader', as: 'reader', path: '/plugins' },
  { name: 'plugins-filtered', as: 'admin', path: '/plugins?q=risk&category=data_management' },
  { name: 'plugins-nothing-found', as: 'admin', path: '/plugins?q=nothing+like+this' },
  {
    name: 'plugins-loading',
    as: 'admin',
    path: '/plugins',
    before: (page) => never(page, marketplace),
    unsettled: true,
  },
  {
    name: 'plugins-error',
    as: 'admin',
    path: '/plugins',
    before: (page) => fails(page, marketplace),
    then: (page) => page.getByText('The marketplace cannot be shown').waitFor(),
  },
  { name: 'plugins-registry-away', as: 'admin', path: '/plugins', before: isAway },
  { name: 'my-plugins', as: 'admin', path: '/plugins/my-plugins' },
  { name: 'my-plugins-empty', as: 'newcomer', path: '/plugins/my-plugins' },
  { name: 'updates-none', as: 'admin', path: '/plugins/updates' },
  { name: 'activity', as: 'admin', path: '/plugins/activity' },
  { name: 'activity-empty', as: 'newcomer', path: '/plugins/activity' },
  {
    name: 'install',
    as: 'newcomer',
    path: withConnections,
    async then(page) {
      await click('button', 'Install plugin')(page)
      await page.getByText('It will be able to').waitFor()
    },
  },
  {
    name: 'install-progress',
    as: 'newcomer',
    path: withConnections,
    before: isInstalling,
    async then(page) {
      await click('button', 'Install plugin')(page)
      await click('button', 'Allow and install')(page)
      await page.locator('[data-state="done"]').nth(1).waitFor()
    },
  },
  {
    name: 'install-failed',
    as: 'newcomer',
    path: withConnections,
    before: failsToInstall,
    async then(page) {
      await click('button', 'Install plugin')(page)
      await click('button', 'Allow and install')(page)
      await page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'install-some',
    as: 'newcomer',
    path: withConnections,
    async then(page) {
      await click('button', 'Install plugin')(page)
      await click('button', 'Allow only some of it')(page)
    },
  },
  ...scenesOfRequests,
  { name: 'plugin-not-installed', as: 'newcomer', path: withViews },
  { name: 'plugin-overview', as: 'admin', path: `${withViews}?section=overview` },
  { name: 'plugin-configuration', as: 'admin', path: `${withViews}?section=configuration` },
  {
    name: 'plugin-configuration-tested',
    as: 'admin',
    path: `${withViews}?section=configuration`,
    async then(page) {
      await click('button', 'Test connection')(page)
      await page.getByText(/Connected to/).waitFor()
    },
  },
  { name: 'plugin-configuration-reader', as: 'reader', path: `${withViews}?section=configuration` },
  { name: 'plugin-connections', as: 'admin', path: `${withConnections}?section=connections` },
  { name: 'plugin-data', as: 'admin', path: `${withViews}?section=data` },
  { name: 'plugin-runs', as: 'admin', path: `${withViews}?section=runs`, before: hasRuns },
  { name: 'plugin-runs-open', as: 'admin', path: `${withViews}?section=runs&run=${failedRun}`, before: hasRuns },
  { name: 'plugin-runs-reader', as: 'reader', path: `${withViews}?section=runs`, before: hasRuns },
  { name: 'plugin-runs-empty', as: 'admin', path: `${withViews}?section=runs`, before: hasNoRuns },
  {
    name: 'plugin-runs-loading',
    as: 'admin',
    path: `${withViews}?section=runs`,
    before: (page) => never(page, runsOfPlugin),
    unsettled: true,
  },
  {
    name: 'plugin-runs-error',
    as: 'admin',
    path: `${withViews}?section=runs`,
    before: (page) => fails(page, runsOfPlugin),
    then: (page) => page.getByText('The runs cannot be shown').waitFor(),
  },
  {
    name: 'plugin-schedule-change',
    as: 'admin',
    path: `${withViews}?section=runs`,
    then: click('button', /^Change when/),
  },
  { name: 'plugin-working', as: 'admin', path: `${withViews}?section=data`, before: hasRuns },
  { name: 'plugin-failing', as: 'admin', path: `${withViews}?section=overview`, before: hasAlerts },
  { name: 'dashboard-failing', as: 'admin', path: '/', before: hasAlerts },
  { name: 'plugin-permissions', as: 'admin', path: `${withConnections}?section=permissions` },
  { name: 'plugin-versions', as: 'admin', path: `${withViews}?section=versions` },
  {
    name: 'plugin-update',
    as: 'admin',
    path: `${withViews}?section=versions&update=1`,
    before: hasUpdate,
    then: (page) => page.getByRole('region', { name: 'What is new', exact: true }).waitFor(),
  },
  { name: 'plugin-health', as: 'admin', path: `${withViews}?section=health` },
  {
    name: 'plugin-health-charts',
    as: 'admin',
    path: `${withViews}?section=health`,
    before: hasBusyHours,
    then: (page) => page.locator('.tn-trend-plot svg').nth(1).waitFor(),
  },
  { name: 'plugin-logs', as: 'admin', path: `${withViews}?section=logs` },
  { name: 'plugin-activity', as: 'admin', path: `${withViews}?section=activity` },
  {
    name: 'plugin-remove',
    as: 'admin',
    path: withViews,
    async then(page) {
      await click('button', 'More')(page)
      await click('menuitem', 'Disable or uninstall…')(page)
      await page.getByLabel('Uninstall and erase its data').click()
      await page.getByRole('heading', { name: 'This is erased' }).waitFor()
    },
  },
  { name: 'plugin-unknown', as: 'admin', path: '/plugins/nothing/manage' },
  { name: 'models-empty', as: 'newcomer', path: '/models' },
  { name: 'models', as: 'admin', path: '/models?view=mlflow.models' },
  { name: 'models-filtered', as: 'admin', path: '/models?view=mlflow.models&filter.lifecycle_stage=prod&sort=version' },
  { name: 'models-working', as: 'admin', path: '/models?view=mlflow.models', before: hasRuns },
  { name: 'models-nothing-found', as: 'admin', path: '/models?view=mlflow.models&filter.model_name=nothing' },
  { name: 'models-past-the-end', as: 'admin', path: '/models?view=mlflow.models&page=99' },
  {
    name: 'models-groups',
    as: 'admin',
    path: '/models?view=mlflow.models',
    async then(page) {
      await page.getByRole('combobox', { name: 'Group by' }).click()
      await page.getByRole('option', { name: 'By stage' }).click()
      await click('button', /^Production/)(page)
      await page.locator('.tn-group-rows .tn-row').first().waitFor()
    },
  },
  {
    name: 'models-detail',
    as: 'admin',
    path: '/models?view=mlflow.models',
    async then(page) {
      await page.locator('.tn-row-name').first().click()
      await page.getByRole('dialog').locator('.tn-trend-plot svg').first().waitFor()
    },
  },
  { name: 'risks', as: 'admin', path: '/risks' },
  { name: 'risks-empty', as: 'newcomer', path: '/risks' },
  { name: 'risks-add', as: 'admin', path: '/risks', then: click('button', 'Add a risk') },
  {
    name: 'risks-import',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await click('button', 'Import risks')(page)
      await page.getByRole('menuitem').first().click()
      await page.getByRole('dialog').getByRole('radio').first().waitFor()
    },
  },
  { name: 'members', as: 'admin', path: '/members' },
  { name: 'members-reader', as: 'reader', path: '/members' },
  { name: 'members-add', as: 'admin', path: '/members', then: click('button', 'Add a member') },
  { name: 'settings', as: 'admin', path: '/settings' },
  { name: 'webhooks-empty', as: 'newcomer', path: '/settings/webhooks' },
  { name: 'webhooks', as: 'admin', path: '/settings/webhooks' },
  { name: 'webhooks-reader', as: 'reader', path: '/settings/webhooks' },
  {
    name: 'webhooks-add',
    as: 'admin',
    path: '/settings/webhooks',
    async then(page) {
      await click('button', 'Add a webhook')(page)
      await page.getByLabel('risk.created').waitFor()
    },
  },
  {
    name: 'webhook',
    as: 'admin',
    path: '/settings/webhooks',
    async then(page) {
      await click('link', /hooks\/tenon/)(page)
      await page.getByRole('heading', { name: 'Deliveries' }).waitFor()
      await page
        .getByText(/answered with|Nothing was sent/)
        .first()
        .waitFor()
    },
  },
  { name: 'webhook-unknown', as: 'admin', path: '/settings/webhooks/4711' },
  { name: 'plugin-events', as: 'admin', path: `${withConnections}?section=events` },
  { name: 'not-found', as: 'admin', path: '/nowhere' },
  ...scenesOfStates,
  ...scenesOfMoments,
]
