import { ApiError, createApiClient, type ApiClient } from './api-client.js'
import { expect } from './expect.js'
import { importAndUndo, importRisks } from './import-risks.js'
import type { Report } from './report.js'
import { planSync } from './scheduled-sync.js'
import { connectSlack, seeNotifications } from './slack-channels.js'
import { mlflowPassword, type Surroundings } from './surroundings.js'

/** The account that the demonstration registers. */
export const account = { email: 'admin@demo.example', password: 'correct horse battery' }

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
  const { mlflow, slack } = surroundings
  const planned = await planSync(api, { mlflow, installationId: installations.get('mlflow')?.id ?? 0 }, report)
  await connectSlack(api, slack, report)
  await importRisks(api, owner, report)
  await seeNotifications(api, slack, report)
  await importAndUndo(api, owner, report)
  await planned.see()
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

async function uninstall(api: ApiClient, installations: Map<string, Installation>, report: Report): Promise<void> {
  await api.call('DELETE', `/api/plugins/installations/${installations.get('mlflow')?.id}`)
  const left = await api.call<Installation[]>('GET', '/api/plugins/installations')
  expect(!left.some(({ pluginKey }) => pluginKey === 'mlflow'), 'MLflow is still installed')
  const gone = await api.call('GET', '/api/plugins/mlflow/models').catch((error: unknown) => error)
  expect(gone instanceof ApiError && gone.status === 404, 'MLflow still answers')
  report('Uninstall MLflow', `its role and tables are gone; ${left.length} plugins stay installed`)
}
