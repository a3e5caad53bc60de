import type { Page } from 'playwright-core'
import { hasImported, hasPastImports, isImporting } from './scenes-of-runs.js'
import type { Scene } from './scene.js'

/** The keys come from the marketplace that the product carries along; the client itself knows none. */
const withViews = '/plugins/mlflow/manage'
const withConnections = '/plugins/slack/manage'

const requestId = '5d0c1f9e-8a55-4f6e-9f3a-0d8f1f0a7c11'
const error = 'The database connections are all in use. Try again.'
const never = (address: string) => (page: Page) => page.route(address, () => undefined)
const busy = (address: string) => (page: Page) =>
  page.route(address, (route) =>
    route.fulfill({
      status: 503,
      json: { message: 'Service Unavailable', error, code: 'DATABASE_BUSY', requestId },
    }),
  )
const says = (text: string | RegExp) => (page: Page) => page.getByText(text).first().waitFor({ timeout: 20_000 })

/** A page that waits for the server, and one that the server does not answer. */
function loadingAndError(name: string, path: string, address: string, words: string): Scene[] {
  return [
    { name: `${name}-loading`, as: 'admin', path, before: never(address), unsettled: true },
    {
      name: `${name}-error`,
      as: 'admin',
      path,
      before: busy(address),
      async then(page) {
        await says(words)(page)
        await says(`Request ${requestId}`)(page)
      },
    },
  ]
}

const workspace = {
  team_name: 'Acme',
  channel: '#model-risks',
  routing_type: ['Evidence and task alerts', 'Control or policy changes'],
  is_active: true,
  created_at: '2026-05-03T10:00:00.000Z',
  connected_by: 2,
}
const longName = 'A workspace with a name that goes on and on '.repeat(3).trim()
export const hasConnections = (page: Page) =>
  page.route('**/api/plugins/*/oauth/workspaces', (route) =>
    route.fulfill({
      json: {
        message: 'OK',
        data: [
          { ...workspace, id: 1 },
          { ...workspace, id: 2, team_name: longName, channel: '#a-channel', routing_type: [], is_active: false },
        ],
      },
    }),
  )

/** Each installation as it is, but for what is said here. */
export const installationsAre = (changes: object) => (page: Page) =>
  page.route('**/api/plugins/installations', async (route) => {
    const answer = await route.fetch()
    const { data, ...rest } = (await answer.json()) as { data: object[] }
    await route.fulfill({ response: answer, json: { ...rest, data: data.map((one) => ({ ...one, ...changes })) } })
  })

export const rows = (risks: string[][]) =>
  [['Risk Name', 'Risk Owner', 'Likelihood', 'Severity', 'AI Lifecycle Phase', 'Risk Description'], ...risks]
    .map((cells) => cells.join(','))
    .join('\n')

export async function openWizard(page: Page) {
  await page.getByRole('button', { name: 'Import risks' }).click()
  await page.getByRole('menuitem').first().click()
}

export async function chooseFile(page: Page, file: string) {
  await openWizard(page)
  const buffer = Buffer.from(file)
  await page.getByLabel(/Choose a file/).setInputFiles({ name: 'risks.csv', mimeType: 'text/csv', buffer })
}

/** What pages look like while they wait, when they fail, to who only reads, and in the middle of what they are for. */
export const scenesOfStates: Scene[] = [
  ...loadingAndError(
    'my-plugins',
    '/plugins/my-plugins',
    '**/api/plugins/installations',
    'Your plugins cannot be shown',
  ),
  ...loadingAndError('activity', '/plugins/activity', '**/api/plugins/activity?*', 'The activity cannot be shown'),
  ...loadingAndError('models', '/models?view=mlflow.models', '**/api/plugins/mlflow/models?*', error),
  ...loadingAndError('inventory', '/models', '**/api/models?*', 'The models cannot be shown'),
  ...loadingAndError('risks', '/risks', '**/api/risks?*', 'The risks cannot be shown'),
  ...loadingAndError('members', '/members', '**/api/users*', 'cannot be shown'),
  ...loadingAndError(
    'plugin',
    withViews,
    '**/api/plugins/{installations,marketplace/mlflow}',
    'The plugin cannot be shown',
  ),
  ...loadingAndError(
    'plugin-logs',
    `${withViews}?section=logs`,
    '**/api/plugins/installations/*/logs?*',
    'The logs cannot be shown',
  ),
  ...loadingAndError(
    'plugin-health',
    `${withViews}?section=health`,
    '**/api/plugins/installations/*/health',
    'The health cannot be shown',
  ),
  ...loadingAndError(
    'plugin-connections',
    `${withConnections}?section=connections`,
    '**/api/plugins/*/oauth/workspaces',
    'The connections cannot be shown',
  ),
  ...loadingAndError(
    'dashboard',
    '/',
    '**/api/{plugins/installations,risks?*,models?*}',
    'What to do next is not known',
  ),
  ...loadingAndError('webhooks', '/settings/webhooks', '**/api/plugins/webhooks', 'The webhooks cannot be shown'),
  ...loadingAndError('settings', '/settings', '**/api/health', 'The protection cannot be shown'),
  ...loadingAndError(
    'plugin-permissions',
    `${withConnections}?section=permissions`,
    '**/api/plugins/installations/*/permissions',
    'The permissions cannot be shown',
  ),
  ...loadingAndError(
    'plugin-events',
    `${withConnections}?section=events`,
    '**/api/plugins/installations/*/deliveries?*',
    'The deliveries cannot be shown',
  ),
  ...loadingAndError(
    'plugin-activity',
    `${withViews}?section=activity`,
    '**/api/plugins/installations/*/activity?*',
    'The activity cannot be shown',
  ),
  {
    name: 'models-unknown-view',
    as: 'admin',
    path: '/models?view=gone.models',
    then: says('This list is not there any more'),
  },
  {
    name: 'models-view-loading',
    as: 'admin',
    path: '/models?view=mlflow.models',
    before: never('**/api/plugins/installations'),
    unsettled: true,
  },
  { name: 'models-reader', as: 'reader', path: '/models?view=mlflow.models' },
  { name: 'risks-reader', as: 'reader', path: '/risks' },
  {
    name: 'plugin-connections-connected',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: hasConnections,
    then: says('#model-risks'),
  },
  {
    name: 'plugin-connections-settings',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: hasConnections,
    async then(page) {
      await page.getByRole('button', { name: /^More for Acme/ }).click()
      await page.getByRole('menuitem', { name: 'Settings' }).click()
      await page.getByRole('button', { name: 'Save' }).waitFor()
    },
  },
  {
    name: 'plugin-connections-leave',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: hasConnections,
    async then(page) {
      await page.getByRole('button', { name: /^More for Acme/ }).click()
      await page.getByRole('menuitem', { name: 'Disconnect' }).click()
      await page.getByRole('button', { name: 'Disconnect' }).waitFor()
    },
  },
  { name: 'plugin-disabled', as: 'admin', path: withViews, before: installationsAre({ status: 'disabled' }) },
  {
    name: 'plugin-failed',
    as: 'admin',
    path: withViews,
    before: installationsAre({ status: 'failed', errorMessage: 'Its code is not what the marketplace announced.' }),
  },
  {
    name: 'risks-import-mistakes',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await chooseFile(
        page,
        rows([
          ['Bias', 'Nobody', 'Perhaps', 'Terrible', 'Someday', 'It is unfair'],
          ['Drift', '', 'Possible', 'Moderate', '', 'It gets worse'],
        ]),
      )
      await page.getByText('cells have to be corrected').waitFor()
    },
  },
  {
    name: 'risks-import-progress',
    as: 'admin',
    path: '/risks',
    before: isImporting,
    async then(page) {
      await openWizard(page)
      await page.getByRole('progressbar').waitFor()
    },
  },
  {
    name: 'risks-import-done',
    as: 'admin',
    path: '/risks',
    before: hasImported,
    async then(page) {
      await chooseFile(
        page,
        rows([['Bias', 'ada@acme.example', 'Possible', 'Moderate', 'Monitoring & maintenance', 'It is unfair']]),
      )
      await page.getByRole('button', { name: 'Import 1 row' }).click()
      await page.getByText('Import completed').waitFor()
    },
  },
  {
    name: 'risks-import-earlier',
    as: 'admin',
    path: '/risks',
    before: hasPastImports,
    async then(page) {
      await openWizard(page)
      await page.getByText('Taken back').waitFor()
    },
  },
  {
    name: 'risks-import-undo',
    as: 'admin',
    path: '/risks',
    before: hasPastImports,
    async then(page) {
      await openWizard(page)
      await page.getByRole('button', { name: /^Undo the import of/ }).click()
      await page.getByRole('button', { name: 'Undo the import', exact: true }).waitFor()
    },
  },
]
