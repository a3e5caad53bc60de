import { afterAll, beforeAll, expect, it } from 'vitest'
import { account, doMainJob } from './main-job.js'
import { mlflowPassword, startSurroundings, type Surroundings } from './surroundings.js'

let surroundings: Surroundings
beforeAll(async () => {
  surroundings = await startSurroundings({ databaseUrl: undefined })
})
afterAll(() => surroundings.close())

const call = async (method: string, path: string, token: string, body?: unknown) => {
  const response = await fetch(`${surroundings.server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { response, status: response.status }
}
const dataOf = async (response: Response) => ((await response.json()) as { data: unknown }).data

async function signIn(): Promise<string> {
  const { response } = await call('POST', '/api/auth/login', '', account)
  return ((await dataOf(response)) as { token: string }).token
}

it('does the main job from end to end, with the three plugins of the marketplace', { timeout: 180_000 }, async () => {
  const steps: string[] = []
  await doMainJob(surroundings, (step) => steps.push(step))
  expect(steps).toEqual([
    'Register an organization',
    'Browse the marketplace',
    'Install Slack',
    'Install MLflow Integration',
    'Install Risk Import',
    'Test the connection to MLflow',
    'Save the configuration of MLflow',
    'Sync models',
    'Plan a sync',
    'Connect Slack, #risk-alerts',
    'Connect Slack, #general',
    'Download the risk template',
    'Import a filled-in workbook',
    'Read #risk-alerts',
    'Read #general',
    'Import a large CSV file',
    'Take that import back',
    'See it run by itself',
    'Uninstall MLflow',
  ])
})

it('asks the marketplace for what it shows and installs, and not again', () => {
  expect(surroundings.marketplace.requests.filter((path) => path === '/plugins.json')).toHaveLength(1)
  expect(surroundings.marketplace.requests).toContain('/plugins/mlflow/index.ts')
})

it('shows a connected Slack workspace as the seed does, without its tokens', async () => {
  const { response } = await call('GET', '/api/plugins/slack/oauth/workspaces', await signIn())
  const workspaces = await dataOf(response)
  expect(workspaces).toMatchObject([
    {
      id: expect.any(Number) as number,
      team_name: 'Example Company',
      channel: '#risk-alerts',
      channel_id: expect.any(String) as string,
      is_active: true,
      routing_type: ['Evidence and task alerts'],
      created_at: expect.any(String) as string,
    },
    { team_name: 'Example Company', channel: '#general', routing_type: ['Projects and organizations'] },
  ])
  expect(JSON.stringify(workspaces)).not.toMatch(/xox|hooks\.slack\.com/)
})

it('gives the template as the workbook that the seed names, and takes rows as JSON', async () => {
  const token = await signIn()
  const { response, status } = await call('GET', '/api/plugins/risk-import/template', token)
  expect([status, response.headers.get('content-type'), response.headers.get('content-disposition')]).toEqual([
    200,
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    'attachment; filename="risk_import_template.xlsx"',
  ])
  await response.arrayBuffer()
  const row = {
    risk_name: 'Drift',
    risk_owner: account.email,
    risk_description: 'The model gets worse',
    ai_lifecycle_phase: 'Monitoring & maintenance',
    likelihood: 'Likely',
    severity: 'Major',
  }
  const imported = await call('POST', '/api/plugins/risk-import/import', token, { csvData: [row] })
  expect(imported.status).toBe(200)
  expect(await dataOf(imported.response)).toMatchObject({ success: true, imported: 1, failed: 0 })
})

it('takes an import back, but for the risks that somebody has changed since', async () => {
  const token = await signIn()
  const risk = (name: string) => ({
    risk_name: name,
    risk_owner: account.email,
    risk_description: 'Nobody looks',
    ai_lifecycle_phase: 'Monitoring & maintenance',
    likelihood: 'Likely',
    severity: 'Minor',
  })
  const csvData = ['To go', 'To stay', 'To go too'].map(risk)
  const imported = await call('POST', '/api/plugins/risk-import/import', token, { csvData })
  const { importId } = (await dataOf(imported.response)) as { importId: string }
  const found = await call('GET', '/api/risks?q=To%20stay', token)
  const { items } = (await dataOf(found.response)) as { items: { id: number }[] }
  const changed = await call('PATCH', `/api/risks/${items[0]?.id}`, token, { review_notes: 'Looked at it' })
  await changed.response.arrayBuffer()
  const undo = () => call('POST', '/api/plugins/risk-import/undo', token, { importId })
  expect(await dataOf((await undo()).response)).toMatchObject({ success: true, removed: 2, kept: 1 })
  expect((await undo()).status).toBe(409)
  const left = await call('GET', '/api/risks?q=To%20', token)
  expect(await dataOf(left.response)).toMatchObject({ items: [{ risk_name: 'To stay' }], total: 1 })
})

it('answers for models before and after there is a configuration', { timeout: 60_000 }, async () => {
  const token = await signIn()
  const installed = await call('POST', '/api/plugins/install', token, { pluginKey: 'mlflow' })
  const { id } = (await dataOf(installed.response)) as { id: number }
  const schedules = await call('GET', `/api/plugins/installations/${id}/schedules`, token)
  expect(await dataOf(schedules.response)).toMatchObject([
    { action: 'sync', cron: '30 3 * * *', enabled: true, nextRunAt: expect.any(String) as string },
    { action: 'quick-sync', cron: '0 * * * *', enabled: true, nextRunAt: expect.any(String) as string },
  ])
  const models = async () => dataOf((await call('GET', '/api/plugins/mlflow/models', token)).response)
  expect(await models()).toMatchObject({ configured: false, models: [] })
  const unset = await call('POST', '/api/plugins/mlflow/sync', token)
  expect(unset.status).toBe(422)
  await unset.response.arrayBuffer()
  const configuration = {
    tracking_server_url: surroundings.mlflow.url,
    auth_method: 'basic',
    username: 'ada',
    password: mlflowPassword,
  }
  const saved = await call('PUT', `/api/plugins/installations/${id}/configuration`, token, { configuration })
  expect(await dataOf(saved.response)).toMatchObject({
    configuration: { username: 'ada', password: { $secret: true } },
  })
  expect(await models()).toMatchObject({ configured: true, models: [] })
  const synced = await call('POST', '/api/plugins/mlflow/sync', token)
  expect(synced.status).toBe(200)
  expect(await dataOf(synced.response)).toMatchObject({ success: true, modelCount: 41 })
  expect(await models()).toMatchObject({ configured: true, connected: true, total: 121 })
})
