import { get } from 'node:https'
import { ApiError, createApiClient, type ApiClient } from './api-client.js'
import { fillTemplate } from './fill-template.js'
import { mlflowPassword, type Surroundings } from './surroundings.js'

/** Says what was done, and what came of it; called once for each step. */
export type Report = (step: string, outcome: string) => void

/** The account that the demonstration registers. */
export const account = { email: 'admin@demo.example', password: 'correct horse battery' }

const riskCount = 1_000

interface Installation {
  id: number
  pluginKey: string
  status: string
  digest: string
  configuration: Record<string, unknown> | null
}

/**
 * The main job, from end to end, over the API that a browser would use.
 *
 * @throws Error for the first step whose outcome is not the expected one
 */
export async function doMainJob(surroundings: Surroundings, report: Report): Promise<void> {
  const api = createApiClient(surroundings.server.url)
  const owner = await register(api, report)
  const installations = await installAll(api, surroundings, report)
  await syncModels(api, surroundings, installations, report)
  await connectSlack(api, surroundings, report)
  await importRisks(api, owner, report)
  await seeNotification(surroundings, report)
  await uninstall(api, installations, report)
}

async function register(api: ApiClient, report: Report): Promise<string> {
  const answer = await api.call<{
    token: string
    user: { id: number; name: string; surname: string }
    organization: { name: string }
  }>('POST', '/api/auth/register', { organizationName: 'Demo Organization', name: 'Ada', surname: 'Admin', ...account })
  api.token = answer.token
  report('Register an organization', `${answer.organization.name}, with ${account.email} as its admin`)
  return `${answer.user.name} ${answer.user.surname} - ${account.email} (ID: ${answer.user.id})`
}

async function installAll(
  api: ApiClient,
  { marketplace }: Surroundings,
  report: Report,
): Promise<Map<string, Installation>> {
  const plugins = await api.call<{ key: string; displayName: string; artifact?: { sha256: string } }[]>(
    'GET',
    '/api/plugins/marketplace',
  )
  report('Browse the marketplace', `${plugins.length} plugins, fetched from ${marketplace.url}`)
  const installations = new Map<string, Installation>()
  for (const { key, displayName, artifact } of plugins) {
    const installation = await api.call<Installation>('POST', '/api/plugins/install', { pluginKey: key })
    expect(installation.status === 'installed', `${key} is ${installation.status}`)
    const way = artifact ? 'packed, its SHA-256 verified' : 'from source, built in a confined process'
    report(`Install ${displayName}`, `${way}; code ${installation.digest.slice(0, 12)}…`)
    installations.set(key, installation)
  }
  return installations
}

async function syncModels(
  api: ApiClient,
  { mlflow }: Surroundings,
  installations: Map<string, Installation>,
  report: Report,
): Promise<void> {
  const configuration = {
    tracking_server_url: mlflow.url,
    auth_method: 'basic',
    username: 'ada',
    password: mlflowPassword,
    verify_ssl: true,
    timeout: 30,
  }
  const test = await api.call<{ success: boolean; message: string }>('POST', '/api/plugins/mlflow/test-connection', {
    configuration,
  })
  expect(test.success, test.message)
  report('Test the connection to MLflow', test.message)
  const id = installations.get('mlflow')?.id
  const saved = await api.call<Installation>('PUT', `/api/plugins/installations/${id}/configuration`, { configuration })
  expect(!JSON.stringify(saved).includes(mlflowPassword), 'the answer shows the password')
  report(
    'Save the configuration of MLflow',
    `password shown as ${JSON.stringify(saved.configuration?.['password']).slice(0, 16)}…`,
  )
  const sync = await api.call<{ success: boolean; modelCount: number }>('POST', '/api/plugins/mlflow/sync')
  const { models, total } = await api.call<{ models: unknown[]; total: number }>(
    'GET',
    '/api/plugins/mlflow/models?pageSize=5',
  )
  expect(sync.success && sync.modelCount > 0 && models.length > 0, 'no models were synced')
  report('Sync models', `${sync.modelCount} models; the list has ${total} versions`)
}

async function connectSlack(api: ApiClient, { slack }: Surroundings, report: Report): Promise<void> {
  const { authorizeUrl } = await api.call<{ authorizeUrl: string }>('POST', '/api/plugins/slack/oauth/start', {})
  const back = await agreeAtSlack(authorizeUrl, slack)
  const connect = { code: back.searchParams.get('code'), state: back.searchParams.get('state') }
  const workspace = await api.call<{ team_name: string; channel: string; routing_type: string[] }>(
    'POST',
    '/api/plugins/slack/oauth/connect',
    connect,
  )
  report(
    'Connect a Slack workspace',
    `${workspace.team_name}, channel ${workspace.channel}, ${workspace.routing_type.length} kinds of notifications`,
  )
  const again = await api.call('POST', '/api/plugins/slack/oauth/connect', connect).catch((error: unknown) => error)
  expect(again instanceof ApiError && again.status === 400, 'a used sign-in was accepted again')
}

/** What a person's browser does: opens the consent page, agrees, and follows the way back. */
async function agreeAtSlack(authorizeUrl: string, { url, caCertificate }: Surroundings['slack']): Promise<URL> {
  expect(authorizeUrl.startsWith(`${url}/oauth/v2/authorize?`), `people would be sent to ${authorizeUrl}`)
  const location = await new Promise<string | undefined>((resolve, reject) => {
    const options = caCertificate === undefined ? {} : { ca: caCertificate }
    get(`${authorizeUrl}&auto=allow`, options, (response) => resolve(response.resume().headers.location)).on(
      'error',
      reject,
    )
  })
  expect(location !== undefined, 'Slack sends nobody back')
  return new URL(location)
}

async function importRisks(api: ApiClient, owner: string, report: Report): Promise<void> {
  const template = await api.download('/api/plugins/risk-import/template')
  report('Download the risk template', `${Math.round(template.length / 1_000)} kB workbook`)
  const workbook = await fillTemplate(template, { count: riskCount, owner })
  const result = await api.upload<{ imported: number; failed: number; errors: unknown[] }>(
    '/api/plugins/risk-import/import',
    {
      name: 'risks.xlsx',
      content: workbook,
    },
  )
  expect(result.imported === riskCount && result.failed === 0, `imported ${JSON.stringify(result).slice(0, 500)}`)
  const { total } = await api.call<{ total: number }>('GET', '/api/risks?pageSize=1')
  expect(total === riskCount, `the register has ${total} risks`)
  report('Import a filled-in workbook', `${result.imported} risks; the register now has ${total}`)
}

async function seeNotification({ slack }: Surroundings, report: Report): Promise<void> {
  const message = await slack.waitForMessage(({ text }) => /import/i.test(text ?? ''), 15_000)
  report('Receive the notification in Slack', `"${message.text}"`)
}

async function uninstall(api: ApiClient, installations: Map<string, Installation>, report: Report): Promise<void> {
  await api.call('DELETE', `/api/plugins/installations/${installations.get('mlflow')?.id}`)
  const left = await api.call<Installation[]>('GET', '/api/plugins/installations')
  expect(!left.some(({ pluginKey }) => pluginKey === 'mlflow'), 'MLflow is still installed')
  const gone = await api.call('GET', '/api/plugins/mlflow/models').catch((error: unknown) => error)
  expect(gone instanceof ApiError && gone.status === 404, 'MLflow still answers')
  report('Uninstall MLflow', `its role and tables are gone; ${left.length} plugins stay installed`)
}

function expect(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}
