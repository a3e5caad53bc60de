import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fillRegistry, postTo } from '@tenon/standins'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  contextOf,
  type ObservedContext,
  startTestApplication,
  type TestApplication,
} from '../../testing/test-application'
import { install, syncModels } from './index'
import type { SyncMode } from './sync-state'

/** Address of an empty MLflow server of version 2 or 3, which is filled: http://127.0.0.1:5000. */
const mlflow = process.env.TENON_MLFLOW
const tenant = 'a4ayc80OGd'
const table = `"${tenant}".mlflow_model_records`
const size = { experiments: 3, runs: 2_500, models: 30, versionsPerModel: 10 }
const versions = size.models * size.versionsPerModel

/** Serves MLflow below a path, as many companies do, and counts what is asked. */
async function startProxy(target: string): Promise<{ url: string; asked: string[]; server: Server }> {
  const asked: string[] = []
  const server = createServer((incoming, outgoing) => {
    const path = (incoming.url ?? '').replace('/behind/a/prefix', '')
    asked.push(path)
    const { method, headers } = incoming
    const passed = request(target + path, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/behind/a/prefix/`, asked, server }
}

describe.skipIf(mlflow === undefined)(`a real MLflow (set TENON_MLFLOW to the address of an empty one)`, () => {
  const server = mlflow ?? ''
  let application: TestApplication
  let context: ObservedContext
  let proxy: Awaited<ReturnType<typeof startProxy>>

  beforeAll(async () => {
    application = await startTestApplication()
    context = contextOf(application, application.one)
    await install(1, tenant, {}, context)
    proxy = await startProxy(server)
    await fillRegistry(server, size)
  }, 900_000)
  afterAll(async () => {
    proxy.server.close()
    await application.close()
  })

  const sync = (mode: SyncMode) =>
    syncModels(
      tenant,
      { tracking_server_url: proxy.url, auth_method: 'none', timeout: 60, models_from: 'both' },
      context,
      mode,
    )
  const rowOf = async (name: string, version: string) => {
    const [row] = await application.sequelize.query(
      `SELECT * FROM ${table} WHERE model_name = '${name}' AND version = '${version}'`,
      { type: 'SELECT' },
    )
    return row
  }

  it('gives everything that it has', async () => {
    expect(await sync('full')).toMatchObject({ success: true, inserted: versions + size.runs, updated: 0, removed: 0 })
    expect(await rowOf('model-0003', '4')).toMatchObject({
      description: 'The model-0003',
      source: 's3://models/model-0003/4',
      metrics: { auc: 23 / size.runs },
      parameters: { depth: '5' },
      experiment_name: 'experiment-0003',
      removed_at: null,
    })
  })

  it('is asked at most five times when nothing has changed, and nothing is written', async () => {
    const before = proxy.asked.length
    expect(await sync('quick')).toMatchObject({ success: true, mode: 'quick', inserted: 0, updated: 0, removed: 0 })
    expect(proxy.asked.length - before).toBeLessThanOrEqual(5)
    expect(await sync('full')).toMatchObject({ success: true, inserted: 0, updated: 0, removed: 0 })
  })

  it('shows new versions and runs to a quick synchronisation', async () => {
    await postTo(server, 'model-versions/create', { name: 'model-0001', source: 's3://models/model-0001/11' })
    const experiment = { experiment_id: '1', run_name: 'newest', start_time: Date.now() }
    await postTo(server, 'runs/create', experiment)
    expect(await sync('quick')).toMatchObject({ mode: 'quick', inserted: 2, updated: 0 })
  })

  it('shows stages to a quick one, and tags, aliases and removals to a full one', async () => {
    const [name, version] = ['model-0002', '1']
    await postTo(server, 'model-versions/transition-stage', { name, version, stage: 'Production' })
    expect(await sync('quick')).toMatchObject({ mode: 'quick', updated: 1 })
    await postTo(server, 'model-versions/set-tag', { name, version, key: 'approved', value: 'yes' })
    await postTo(server, 'registered-models/alias', { name, version: '2', alias: 'champion' })
    const gone = await fetch(`${server}/api/2.0/mlflow/model-versions/delete`, {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, version: '3' }),
    })
    expect(gone.status).toBe(200)
    expect(await sync('full')).toMatchObject({ inserted: 0, updated: 2, removed: 1 })
    expect(await rowOf(name, '1')).toMatchObject({ tags: { approved: 'yes' } })
    expect(await rowOf(name, '2')).toMatchObject({ aliases: ['champion'] })
    expect(await rowOf(name, '3')).toMatchObject({ removed_at: expect.anything() as unknown })
  })

  it('keeps names and metrics as they are, however hard they are to write', async () => {
    const metrics = { 'loss / 1: a': 'NaN', 'best auc': 0.5 }
    const run = { experiment_id: '1', run_name: `it's "odd" / 50 %`, start_time: Date.now() }
    const created = await postTo(server, 'runs/create', run)
    const { run_id } = (created['run'] as { info: { run_id: string } }).info
    for (const [key, value] of Object.entries(metrics))
      await postTo(server, 'runs/log-metric', { run_id, key, value, timestamp: 1, step: 0 })
    const names = ['50 % off %20', `it's "quoted" \\ back`, 'a?b#c&d=e+f', ' spaces ', 'ünï 数 😀', 'long'.repeat(60)]
    for (const name of names) {
      await postTo(server, 'registered-models/create', { name })
      await postTo(server, 'model-versions/create', { name, source: 's3://models/odd', run_id })
    }
    expect(await sync('quick')).toMatchObject({ mode: 'quick', inserted: names.length + 1, updated: 0 })
    const find = (name: string) =>
      application.sequelize.query(`SELECT metrics FROM ${table} WHERE model_name = :name AND removed_at IS NULL`, {
        replacements: { name },
        type: 'SELECT',
      })
    for (const name of [...names, run.run_name]) expect(await find(name), name).toEqual([{ metrics }])
    expect(await sync('full')).toMatchObject({ success: true, inserted: 0, updated: 0, removed: 0 })
  })
})
