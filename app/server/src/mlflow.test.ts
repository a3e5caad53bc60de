import { join } from 'node:path'
import type { RunJson } from '@tenon/contract'
import { parseAllowPrivate, parseHostMap } from '@tenon/host'
import { startMlflowStandin, type MlflowStandin, type MlflowStandinOptions } from '@tenon/standins'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { projectDir } from './env.js'
import { startTestApp, type TestApp } from './testing/test-app.js'

// The published plugin in the application, with a tracking server that stops to let it in.

const token = (value: string): MlflowStandinOptions => ({ auth: { kind: 'bearer', token: value } })

let mlflow: MlflowStandin
let app: TestApp
let admin: string

beforeAll(async () => {
  mlflow = await startMlflowStandin(token('first'))
  const allowPrivate = parseAllowPrivate(`127.0.0.1/32:${portOf(mlflow)}`)
  app = await startTestApp({
    marketplaceLocation: join(projectDir, 'marketplace', 'plugins.json'),
    settings: { egress: { allowPrivate, hostMap: parseHostMap(''), extraCaFile: undefined } },
    limits: { jobs: { pollMs: 50 } },
  })
  await app.start()
  admin = (await app.register()).token
  const { id } = await dataOf<{ id: number }>('POST', '/install', { pluginKey: 'mlflow' })
  const configuration = { tracking_server_url: mlflow.url, auth_method: 'token', api_token: 'first' }
  await dataOf('PUT', `/installations/${id}/configuration`, { configuration })
}, 120_000)
afterAll(async () => {
  await app.stop()
  await mlflow.close()
})

const portOf = ({ url }: MlflowStandin): number => Number(new URL(url).port)

async function dataOf<Data>(method: string, path: string, body?: unknown, headers = {}): Promise<Data> {
  const answer = await app.call(method, `/api/plugins${path}`, { token: admin, body, headers })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body.data as unknown as Data
}

/** Another server at the same address. */
async function replaceServer(options: MlflowStandinOptions): Promise<void> {
  const port = portOf(mlflow)
  await mlflow.close()
  mlflow = await startMlflowStandin({ ...options, port })
}

/** A run of the button "Sync", once it has ended or waits to be tried again. */
async function attemptSync(): Promise<RunJson> {
  const { runId } = await dataOf<{ runId: string }>('POST', '/mlflow/sync', {}, { prefer: 'respond-async' })
  return vi.waitFor(
    async () => {
      const run = await dataOf<RunJson>('GET', `/runs/${runId}`)
      expect(run.finishedAt !== null || run.error !== null, JSON.stringify(run)).toBe(true)
      return run
    },
    { timeout: 15_000, interval: 50 },
  )
}

it('ends a synchronisation at once, and says where to look, when the token is no longer good', async () => {
  expect(await attemptSync()).toMatchObject({ state: 'succeeded' })
  await replaceServer(token('second'))
  expect(await attemptSync()).toMatchObject({
    state: 'failed',
    attempts: 1,
    nextAttemptAt: null,
    error: {
      kind: 'configuration',
      message: expect.stringContaining('refused the sign-in (401). Check the authentication method') as string,
      nextStep: 'Check the configuration and the connections of the plugin, then run it again.',
    },
  })
})

it('tries again by itself what passes: a server that is away for a moment', async () => {
  await replaceServer(token('first'))
  mlflow.failNext({ path: 'registered-models/search', status: 503, times: 3 })
  const run = await attemptSync()
  expect(run).toMatchObject({ attempts: 1, error: { kind: 'transient' } })
  expect(run.nextAttemptAt).not.toBeNull()
  await app.pool.query('UPDATE tenon.plugin_runs SET next_attempt_at = now() WHERE id = $1', [run.id])
  await vi.waitFor(
    async () => expect(await dataOf('GET', `/runs/${run.id}`)).toMatchObject({ state: 'succeeded', attempts: 2 }),
    { timeout: 15_000, interval: 50 },
  )
})
