import type { Page } from 'playwright-core'
import type { Scene } from './scene.js'
import { hasConnections, installationsAre, openWizard, chooseFile, rows } from './scenes-of-states.js'
import { hasUpdate } from './scenes-of-updates.js'
import { settle } from './visitor.js'

/** The keys come from the marketplace that the product carries along; the client itself knows none. */
const withViews = '/plugins/mlflow/manage'
const withConnections = '/plugins/slack/manage'

const answers = (address: string, data: unknown) => (page: Page) =>
  page.route(address, (route) => route.fulfill({ json: { message: 'OK', data } }))
const changes = (address: string, change: object) => (page: Page) =>
  page.route(address, async (route) => {
    const answer = await route.fetch()
    const { data, ...rest } = (await answer.json()) as { data: object }
    await route.fulfill({ response: answer, json: { ...rest, data: { ...data, ...change } } })
  })
const all =
  (...steps: ((page: Page) => Promise<unknown>)[]) =>
  async (page: Page) => {
    for (const step of steps) await step(page)
  }
const press = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().click()
const choose = (name: string | RegExp) => (page: Page) => page.getByRole('menuitem', { name }).click()
const says = (text: string | RegExp) => (page: Page) => page.getByText(text).first().waitFor({ timeout: 20_000 })

const crashes = [
  { reason: 'memory', cause: 'it took more memory than it may', at: '2026-05-03T10:04:00.000Z' },
  { reason: 'unresponsive', cause: 'it did not answer', at: '2026-05-03T10:02:00.000Z' },
  { reason: 'crash', cause: 'it ended itself with code 1', at: '2026-05-03T10:01:00.000Z' },
].map((end) => ({ ...end, crashed: true }))
const isFailing = changes('**/api/plugins/installations/*/health', {
  state: 'crash_loop',
  summary: 'Its process ended 3 times within an hour',
  since: '2026-05-03T10:04:00.000Z',
  next: 'It is tried again in 4 minutes. The log says what it did last; an update or other settings may help.',
  restarts: 3,
  crashes,
  ends: crashes,
})

const logLines = [
  [
    'error',
    'Error: connect ECONNREFUSED models.acme.example:443\n    at TCPConnectWrap.afterConnect (node:net:1637:16)',
  ],
  ['warn', 'The registry is slow: 9,200 ms for a page of 200 versions'],
  ['info', `Read ${'a-model-with-a-very-long-name-'.repeat(6)} and its versions`],
  ['debug', 'GET /api/2.0/mlflow/registered-models/search 200'],
].map(([level, text], index) => ({ id: 4 - index, at: `2026-05-03T10:0${4 - index}:00.000Z`, level, text }))

const manyLines = Array.from({ length: 200 }, (_, index) => ({
  ...logLines[index % logLines.length],
  id: 1_000 - index,
  at: new Date(Date.UTC(2026, 4, 3, 1) - index * 60_000).toISOString(),
}))

const stages = ['Production', 'Staging', 'None', 'Archived']
const thousandModels = {
  total: 50_000,
  summary: { models: 500, versions: 50_000, experiments: 5, production: 12_500, staging: 12_500 },
  lastSyncedAt: '2026-05-03T10:00:00.000Z',
  models: Array.from({ length: 1_000 }, (_, index) => ({
    id: index + 1,
    model_name: index % 40 === 7 ? `a-model-with-a-very-long-name-${index}` : `churn-prediction-${index}`,
    version: String((index % 90) + 1),
    lifecycle_stage: stages[index % stages.length],
    experiment_name: `experiment ${index % 5}`,
    training_status: index % 9 === 0 ? 'FAILED' : 'FINISHED',
    model_created_at: '2026-05-03T10:00:00.000Z',
  })),
}

const connected = {
  id: 1,
  is_active: true,
  created_at: '2026-05-03T10:00:00.000Z',
  connected_by: 2,
  team_name: 'Acme',
  channel: '#model-risks',
}

const refuses = (method: string, address: string) => (page: Page) =>
  page.route(address, (route) => {
    const refusal = {
      data: 'Something went wrong on our side.',
      code: 'INTERNAL',
      requestId: '5d0c1f9e-8a55-4f6e-9f3a-0d8f1f0a7c11',
    }
    return route.request().method() === method ? route.fulfill({ status: 500, json: refusal }) : route.fallback()
  })

const manyMembers = {
  total: 2_000,
  items: Array.from({ length: 25 }, (_, index) => ({
    id: 100 + index,
    name: index % 5 === 0 ? 'Wolfeschlegelsteinhausenbergerdorff' : 'Emmy',
    surname: `Noether-${index}`,
    email: `emmy.${index}@acme.example`,
    role: 'Editor',
    lastLogin: null,
  })),
}

/** What comes and goes: what was just done, what is asked before something is done, and what went wrong on the way. */
export const scenesOfMoments: Scene[] = [
  {
    name: 'unreachable',
    as: 'admin',
    path: '/risks',
    before: (page) => page.route('**/api/session', (route) => route.abort()),
    then: says('Tenon cannot be reached'),
  },
  {
    name: 'offline',
    as: 'admin',
    path: '/risks',
    then: all((page) => page.context().setOffline(true), says('You are offline.')),
  },
  {
    name: 'session-ended',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await page.context().clearCookies()
      await page.evaluate(() => window.dispatchEvent(new Event('visibilitychange')))
      await says('Your session has ended')(page)
    },
  },
  {
    name: 'plugin-connected',
    as: 'admin',
    path: `${withConnections}?code=one&state=two`,
    before: all(hasConnections, answers('**/api/plugins/*/oauth/connect', connected)),
    then: says(/is connected to Acme/),
  },
  {
    name: 'plugin-connection-refused',
    as: 'admin',
    path: `${withConnections}?error=access_denied&state=two`,
    then: says('You did not agree at the service.'),
  },
  {
    name: 'plugin-connections-failing',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: answers('**/api/plugins/*/oauth/workspaces', [
      { ...connected, routing_type: [], problem: 'The channel #model-risks is archived. Choose another one.' },
      { ...connected, id: 2, channel: '#ops', needs_reauth: true, is_active: false },
    ]),
    then: says('The service no longer accepts the sign-in.'),
  },
  {
    name: 'plugin-connections-menu',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: hasConnections,
    then: press(/^More for Acme/),
  },
  {
    name: 'plugin-connections-off',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: hasConnections,
    then: press(/^More for A workspace/),
  },
  {
    name: 'plugin-connections-told',
    as: 'admin',
    path: `${withConnections}?section=connections`,
    before: all(hasConnections, (page) =>
      page.route('**/api/plugins/*/test-message', (route) =>
        route.fulfill({
          status: 422,
          json: { message: 'Unprocessable Content', data: 'The channel is archived.', code: 'X' },
        }),
      ),
    ),
    then: all(press(/^More for Acme/), choose('Send a test'), (page) => page.getByRole('alert').first().waitFor()),
  },
  {
    name: 'plugin-configuration-mistakes',
    as: 'admin',
    path: `${withViews}?section=configuration`,
    async then(page) {
      await page.getByLabel('Tracking server URL').fill('')
      await press('Save configuration')(page)
      await page.locator('[aria-invalid="true"]').first().waitFor()
    },
  },
  {
    name: 'plugin-configuration-save-anyway',
    as: 'admin',
    path: `${withViews}?section=configuration`,
    async then(page) {
      await press('Replace Password')(page)
      await page.getByRole('textbox', { name: /Password/ }).fill('not-the-password')
      await press('Save configuration')(page)
      await page.getByRole('button', { name: 'Save anyway' }).waitFor()
      await page.getByRole('button', { name: 'Save anyway' }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'plugin-health-crashes',
    as: 'admin',
    path: `${withViews}?section=health`,
    before: isFailing,
    then: says('It crashed: it ended itself with code 1'),
  },
  {
    name: 'plugin-logs-lines',
    as: 'admin',
    path: `${withViews}?section=logs`,
    before: answers('**/api/plugins/installations/*/logs?*', { items: logLines, total: 4 }),
  },
  {
    name: 'plugin-logs-earlier',
    as: 'admin',
    path: `${withViews}?section=logs`,
    before: answers('**/api/plugins/installations/*/logs?*', { items: manyLines, total: 10_000 }),
    async then(page) {
      await page.getByRole('log').evaluate((box) => box.scrollTo(0, 1_800))
      await page.getByRole('button', { name: 'To the newest' }).scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'models-thousand',
    as: 'admin',
    path: '/models?view=mlflow.models&rows=1000',
    before: answers('**/api/plugins/mlflow/models?*', thousandModels),
    async then(page) {
      await says('1 to 1,000 of 50,000')(page)
      const frame = page.locator('.tn-table-frame .mantine-ScrollArea-viewport')
      await frame.evaluate((viewport) => viewport.scrollTo(0, 9_000))
      await page.locator('tr[aria-rowindex="2"]').waitFor({ state: 'detached' })
      await page.locator('.tn-view-foot').scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'models-fewer-than-asked',
    as: 'admin',
    path: '/models?view=mlflow.models&rows=500',
    before: answers('**/api/plugins/mlflow/models?*', {
      ...thousandModels,
      models: thousandModels.models.slice(0, 25),
    }),
    async then(page) {
      await says('The plugin gives at most 25 at once')(page)
      await page.locator('.tn-view-foot').scrollIntoViewIfNeeded()
    },
  },
  { name: 'plugin-installing', as: 'admin', path: withViews, before: installationsAre({ status: 'installing' }) },
  {
    name: 'plugin-not-installable',
    as: 'newcomer',
    path: withViews,
    before: changes('**/api/plugins/marketplace/mlflow', {
      installable: false,
      blocked: { reason: 'A review of its code is under way', since: '2026-05-03T10:00:00.000Z' },
    }),
  },
  {
    name: 'plugin-disable',
    as: 'admin',
    path: withViews,
    then: all(press('More'), choose('Disable or uninstall…'), (page) => page.getByRole('dialog').waitFor()),
  },
  {
    name: 'plugin-versions-update',
    as: 'admin',
    path: `${withViews}?section=versions`,
    before: installationsAre({ previousVersion: '0.9.0', updateAvailable: '1.2.0' }),
  },
  {
    name: 'plugin-roll-back',
    as: 'admin',
    path: `${withViews}?section=versions`,
    before: installationsAre({ previousVersion: '0.9.0' }),
    then: all(press('Roll back to 0.9.0'), (page) => page.getByRole('dialog').waitFor()),
  },
  {
    name: 'plugin-update-asks',
    as: 'admin',
    path: `${withViews}?section=versions&update=1`,
    before: all(
      hasUpdate,
      answers('**/api/plugins/installations/*/update', {
        from: '1.0.0',
        to: '1.2.0',
        added: [{ id: 'events:model.synced', group: 'events', sentence: 'Be told of model events' }],
        removed: [{ id: 'schedule', group: 'schedule', sentence: 'Run on a schedule' }],
      }),
    ),
    then: says('Be told of model events'),
  },
  { name: 'updates', as: 'admin', path: '/plugins/updates', before: hasUpdate },
  {
    name: 'plugins-card-menu',
    as: 'admin',
    path: '/plugins/my-plugins',
    then: all(press(/^More/), (page) => page.getByRole('menu').waitFor()),
  },
  {
    name: 'risks-import-ready',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await chooseFile(
        page,
        rows([['Bias', 'ada@acme.example', 'Possible', 'Moderate', 'Monitoring & maintenance', 'It is unfair']]),
      )
      await says('1 row is ready to be imported.')(page)
    },
  },
  {
    name: 'risks-import-refused',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await openWizard(page)
      const file = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no table') }
      await page.getByLabel(/Choose a file/).setInputFiles(file)
      await page.getByRole('dialog').getByRole('alert').waitFor()
    },
  },
  {
    name: 'members-add-refused',
    as: 'admin',
    path: '/members',
    async then(page) {
      await press('Add a member')(page)
      const dialog = page.getByRole('dialog')
      await dialog.getByLabel('First name').fill('Alan')
      await dialog.getByLabel('Last name').fill('Turing')
      await dialog.getByLabel('Email').fill('alan@acme.example')
      await dialog.getByLabel('First password', { exact: true }).fill('correct horse battery')
      await dialog.getByRole('button', { name: 'Add', exact: true }).click()
      await dialog.locator('[role="alert"], [aria-invalid="true"]').first().waitFor()
    },
  },
  { name: 'members-many', as: 'admin', path: '/members?page=2', before: answers('**/api/users?*', manyMembers) },
  {
    name: 'members-refused',
    as: 'admin',
    path: '/members',
    before: refuses('PATCH', '**/api/users/*'),
    async then(page) {
      await page
        .getByRole('combobox', { name: /^Role of/ })
        .last()
        .click()
      await page.getByRole('option', { name: 'Auditor' }).click()
      await says(/^Request /)(page)
    },
  },
  {
    name: 'risks-import-nothing-chosen',
    as: 'admin',
    path: '/risks',
    async then(page) {
      await openWizard(page)
      await page.getByRole('button', { name: 'Import', exact: true }).click()
      await says('Choose a file first')(page)
    },
  },
  {
    name: 'webhooks-add-nothing-chosen',
    as: 'admin',
    path: '/settings/webhooks',
    async then(page) {
      await press('Add a webhook')(page)
      await page.getByLabel('risk.created').waitFor()
      await page.getByLabel('Address').fill('https://hooks.acme.example/risks')
      await press('Add the webhook')(page)
      await says('Choose at least one event')(page)
    },
  },
  {
    name: 'models-nothing-yet',
    as: 'admin',
    path: '/models?view=mlflow.models',
    before: answers('**/api/plugins/mlflow/models?*', { models: [], total: 0 }),
    then: says('Nothing has been brought in yet'),
  },
  {
    name: 'models-not-configured',
    as: 'admin',
    path: '/models?view=mlflow.models',
    before: all(
      installationsAre({ configuration: null }),
      answers('**/api/plugins/mlflow/models?*', { models: [], total: 0 }),
    ),
    then: says('is not configured yet'),
  },
  { name: 'settings-reader', as: 'reader', path: '/settings' },
  { name: 'settings-remove', as: 'admin', path: '/settings', then: all(press(/^Remove Acme/), says(/to confirm/)) },
  ...['Change…', 'Replace the secret…', 'Delete…'].map((item) => ({
    name: `webhook-${item.split(' ')[0]?.toLowerCase().replace('…', '')}`,
    as: 'admin' as const,
    path: '/settings/webhooks',
    then: all(openWebhook, press('More'), choose(item), (page) => page.getByRole('dialog').waitFor()),
  })),
  {
    name: 'webhook-secret',
    as: 'admin',
    path: '/settings/webhooks',
    before: answers('**/api/plugins/webhooks/*/secret', { secret: 'whsec_an+example+of+what+is+shown+once=' }),
    then: all(openWebhook, press('More'), choose('Replace the secret…'), press('Replace it'), says('Keep it now')),
  },
]

async function openWebhook(page: Page): Promise<void> {
  await page.getByRole('link', { name: /hooks\/tenon/ }).click()
  await page.getByRole('heading', { name: 'Deliveries' }).waitFor()
  await settle(page)
}
