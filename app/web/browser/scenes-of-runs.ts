import type { Page } from 'playwright-core'

export const runsOfPlugin = '**/api/plugins/installations/*/runs?*'
export const failedRun = '0195d3a0-0000-7000-8000-000000000003'

const ago = (seconds: number): string => new Date(Date.now() - seconds * 1_000).toISOString()
const error = {
  code: 'SERVICE_FAILED',
  kind: 'transient',
  message: 'The tracking server at models.acme.example did not answer within 30 seconds (connect ETIMEDOUT).',
  nextStep: 'This passes by itself most of the time. Run it again in a moment.',
}

function aRun(number: number, change: object) {
  return {
    id: `0195d3a0-0000-7000-8000-00000000000${number}`,
    installationId: 1,
    pluginKey: 'any',
    kind: 'sync',
    action: 'sync',
    title: 'Sync models',
    state: 'succeeded',
    trigger: 'manual',
    cancelling: false,
    step: null,
    progress: null,
    counts: {},
    error: null,
    attempts: 1,
    requestedBy: 2,
    createdAt: ago(number * 3_600),
    startedAt: ago(number * 3_600),
    finishedAt: ago(number * 3_600 - 42),
    nextAttemptAt: null,
    ...change,
  }
}

const underWay = { finishedAt: null, state: 'running', startedAt: ago(60) }

/** One run in each state there is. */
const items = [
  aRun(1, { ...underWay, progress: { done: 1_200, total: 4_800, message: 'Reading versions' } }),
  aRun(2, {
    ...underWay,
    action: 'full-sync',
    title: 'Sync all models again, with everything that was removed, renamed or described anew',
    cancelling: true,
    progress: { done: 24, total: null, message: '24 versions' },
  }),
  aRun(3, { state: 'failed', error, attempts: 3 }),
  aRun(4, { state: 'queued', error, startedAt: null, finishedAt: null, nextAttemptAt: ago(-600), trigger: 'schedule' }),
  aRun(5, {
    trigger: 'schedule',
    requestedBy: null,
    counts: { modelCount: 48, added: 3, updated: 2, removed: 0 },
    result: { message: 'Synced 48 models' },
  }),
  aRun(6, { state: 'cancelled' }),
  aRun(7, { state: 'failed', kind: 'import', action: 'import', title: 'Import', error: { ...error, kind: 'plugin' } }),
  aRun(8, { kind: 'install', action: 'install', title: 'Install' }),
]

const answer = (data: unknown, status = 200) => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify({ message: 'OK', data }),
})

/** Without the stream, so that nothing is told of what is only played. */
async function playRuns(page: Page, runs: readonly { id: string }[]): Promise<void> {
  await page.route('**/api/plugins/events', (route) => route.abort())
  await page.route(runsOfPlugin, (route) => route.fulfill(answer({ items: runs, total: runs.length * 3 })))
  await page.route('**/api/plugins/runs/*', (route) =>
    route.fulfill(answer(runs.find(({ id }) => route.request().url().endsWith(id)))),
  )
}

export const hasRuns = (page: Page) => playRuns(page, items)
export const hasNoRuns = (page: Page) => playRuns(page, [])

export const hasAlerts = (page: Page) =>
  page.route('**/api/plugins/alerts', (route) =>
    route.fulfill(
      answer(
        [
          { kind: 'action', action: 'sync', title: 'Sync models', runId: failedRun },
          { kind: 'connection', connectionId: 1, account: 'Acme (#alerts)' },
        ].map((subject) => ({
          pluginKey: keyIn(page.url()),
          plugin: 'A plugin',
          installationId: 1,
          subject,
          failures: 3,
          error,
          lastFailedAt: ago(600),
        })),
      ),
    ),
  )

/** The plugin whose page it is; on others it does not matter. */
const keyIn = (address: string): string => /\/plugins\/([^/]+)\/manage/.exec(address)?.[1] ?? 'any'

/** An import that was begun, and what became of it; those of the past, and what can be taken back of them. */
async function playImport(page: Page, run: { id: string }): Promise<void> {
  await playRuns(page, [run])
  await page.route('**/api/plugins/*/import', (route) => route.fulfill(answer({ runId: run.id }, 202)))
}
const importing = { kind: 'import', action: 'risks', title: 'Import from Excel' }
const imported = {
  success: true,
  imported: 118,
  failed: 2,
  errorCount: 2,
  importId: '5d0c1f9e-8a55-4f6e-9f3a-0d8f1f0a7c12',
  message: '118 risks were imported. 2 rows with mistakes were left out.',
  errors: [
    { row: 14, field: 'risk_owner', message: 'Nobody of this name or address is in your organization' },
    { row: 96, field: 'severity', message: 'Must be one of Negligible, Minor, Moderate, Major, Catastrophic' },
  ],
}

export const isImporting = (page: Page) =>
  playImport(
    page,
    aRun(1, { ...importing, ...underWay, progress: { done: 42_000, total: null, message: '42,000 rows' } }),
  )
export const hasImported = (page: Page) => playImport(page, aRun(5, { ...importing, result: imported }))

export const hasPastImports = (page: Page) =>
  page.route('**/api/plugins/*/imports', (route) => {
    const past = { imported: 118, importedBy: 2, undoneAt: null, undoUntil: ago(-4 * 86_400) }
    const long = 'Risks of the second quarter with everything that was found in the review of the models.xlsx'
    return route.fulfill(
      answer([
        { ...past, id: '1', fileName: long, importedAt: ago(3_600) },
        { ...past, id: '2', fileName: 'risks.csv', importedAt: ago(90_000), imported: 1, undoneAt: ago(80_000) },
        { ...past, id: '3', fileName: null, importedAt: ago(20 * 86_400), undoUntil: ago(13 * 86_400) },
      ]),
    )
  })

async function playInstall(page: Page, run: { id: string }): Promise<void> {
  await playRuns(page, [run])
  await page.route('**/api/plugins/install', (route) => route.fulfill(answer({ runId: run.id }, 202)))
}
const installing = { kind: 'install', action: 'install', title: 'Install' }

export const isInstalling = (page: Page) => playInstall(page, aRun(1, { ...installing, ...underWay, step: 'prepare' }))
export const failsToInstall = (page: Page) =>
  playInstall(page, aRun(9, { ...installing, state: 'failed', step: 'verify', error }))
