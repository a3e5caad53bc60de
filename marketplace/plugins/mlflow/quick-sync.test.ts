import {
  addModelVersion,
  addRegisteredModel,
  emptyState,
  type MlflowRelease,
  type MlflowStandin,
  type MlflowStandinOptions,
} from '@tenon/standins'
import { describe, expect, it } from 'vitest'
import { installForEachTest } from '../../testing/mlflow-servers'
import { type ObservedContext, publishedIn, type TestApplication } from '../../testing/test-application'
import { install, syncModels, uninstall } from './index'
import type { SyncMode } from './sync-state'

const tenant = 'a4ayc80OGd'
const table = `"${tenant}".mlflow_model_records`
const state = `"${tenant}".mlflow_sync_state`
const releases: readonly MlflowRelease[] = [2, 3]
const nothingNew = { success: true, mode: 'quick', versionCount: 0, inserted: 0, updated: 0, removed: 0 }
let application: TestApplication
let context: ObservedContext
const { startMlflow, writers } = installForEachTest({ install, uninstall }, (prepared) => {
  ;({ application, context } = prepared)
})

function sync(
  { url }: { url: string },
  mode: SyncMode,
  { models_from = 'registry', within = context }: { models_from?: string; within?: ObservedContext } = {},
) {
  const configuration = { tracking_server_url: url, auth_method: 'none', timeout: 5, models_from }
  return syncModels(tenant, configuration, within, mode)
}

async function countRecords(): Promise<number> {
  const [row] = await application.sequelize.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`, {
    type: 'SELECT',
  })
  return row?.count ?? 0
}

function addVersions({ state: content }: MlflowStandin, count: number): void {
  for (let index = 0; index < count; index += 1) addModelVersion(content, { name: 'credit-scoring' })
}

/** A host that goes away once a page of records is written: nothing after that reaches the database. */
function contextThatDies(): ObservedContext {
  let pages = 0
  const query = (async (sql: string, options?: object) => {
    if (sql.includes('INSERT INTO') && sql.includes('mlflow_model_records')) pages += 1
    if (pages > 1) throw new Error('The host is gone')
    return application.sequelize.query(sql, options)
  }) as typeof application.sequelize.query
  return { ...context, sequelize: { ...application.sequelize, query } as typeof application.sequelize }
}

describe.each(releases)('a quick synchronisation, with MLflow %i', (release) => {
  const mlflow = (options: MlflowStandinOptions = {}) => startMlflow({ release, ...options })

  it.each(['quick', 'full'] as const)('reads what a failed %s one has left out', async (mode) => {
    const server = await mlflow()
    await sync(server, 'full')
    addVersions(server, 1_050)
    server.failNext({ path: 'model-versions/search', status: 500, after: 1 })
    expect(await sync(server, mode)).toMatchObject({ success: false, mode, inserted: 1_000 })
    expect(await sync(server, 'quick')).toMatchObject({ success: true, mode: 'quick', inserted: 50, updated: 0 })
    expect(await countRecords()).toBe(1_074)
    expect(await sync(server, 'quick')).toMatchObject(nothingNew)
  })

  it.each(['quick', 'full'] as const)('reads what was left out when a %s one was killed', async (mode) => {
    const server = await mlflow()
    await sync(server, 'full')
    addVersions(server, 1_050)
    await expect(sync(server, mode, { within: contextThatDies() })).rejects.toThrow('The host is gone')
    const rest = 1_074 - (await countRecords())
    expect([50, 1_000]).toContain(rest)
    expect(await sync(server, 'quick')).toMatchObject({ success: true, mode: 'quick', inserted: rest, updated: 0 })
    expect(await sync(server, 'quick')).toMatchObject(nothingNew)
  })

  it('reads the runs that a failed one has left out', async () => {
    const server = await mlflow()
    await sync(server, 'full', { models_from: 'runs' })
    const [known] = server.state.runs
    if (!known) throw new Error('the stand-in has no runs')
    const { end_time: _end, ...running } = known.info
    for (let index = 0; index < 1_050; index += 1) {
      const start_time = Date.now() + index
      server.state.runs.push({ ...known, info: { ...running, run_id: `new-${index}`, start_time } })
    }
    server.failNext({ path: 'runs/search', status: 500, after: 1 })
    const failed = await sync(server, 'quick', { models_from: 'runs' })
    expect(failed).toMatchObject({ success: false, inserted: 1_000 })
    expect(await sync(server, 'quick', { models_from: 'runs' })).toMatchObject({ mode: 'quick', inserted: 50 })
    expect(await sync(server, 'quick', { models_from: 'runs' })).toMatchObject(nothingNew)
  })

  it('is a full one where an earlier version has not noted how far it had read', async () => {
    const server = await mlflow()
    await sync(server, 'full')
    await application.sequelize.query(`ALTER TABLE ${state} DROP COLUMN checkpoint`)
    await application.sequelize.query(`DELETE FROM ${table} WHERE version = '1'`)
    expect(await sync(server, 'quick')).toMatchObject({ success: true, mode: 'full', inserted: 8 })
    expect(await sync(server, 'quick')).toMatchObject(nothingNew)
  })

  it('is a full one when another server is configured, or other models', async () => {
    const [server, other] = [await mlflow(), await mlflow({ models: { registeredModels: 2, versionsPerModel: 1 } })]
    await sync(server, 'full')
    expect(await sync(server, 'quick', { models_from: 'both' })).toMatchObject({ mode: 'full', inserted: 12 })
    expect(await sync(other, 'quick', { models_from: 'both' })).toMatchObject({ mode: 'full', removed: 22 })
  })

  it.each([
    [900, undefined],
    [2_500, undefined],
    [2_500, 20],
  ])('asks at most five questions when nothing has changed, of %i experiments', async (experiments, mostPerPage) => {
    const models = { experiments, runs: 60, registeredModels: 4, versionsPerModel: 300 }
    const server = await mlflow({ models, ...(mostPerPage && { mostPerPage }) })
    const both = { models_from: 'both' }
    expect(await sync(server, 'full', both)).toMatchObject({ success: true, inserted: 1_260 })
    const before = await writers()
    for (const round of ['first', 'second']) {
      const asked = server.requests.length
      const result = await sync(server, 'quick', both)
      expect(result, round).toMatchObject({ ...nothingNew, message: 'Nothing has changed.' })
      expect(server.requests.length - asked, round).toBeLessThanOrEqual(5)
    }
    expect(await writers()).toEqual(before)

    const [run] = server.state.runs
    const [experiment] = server.state.experiments
    if (!run || !experiment) throw new Error('the stand-in has no runs')
    const [creation_time, start_time] = [Date.now(), Date.now()]
    server.state.experiments.push({ ...experiment, experiment_id: '9999', name: 'new', creation_time })
    for (const experiment_id of ['9999', '3']) {
      const info = { ...run.info, run_id: `of-${experiment_id}`, experiment_id, start_time }
      server.state.runs.push({ ...run, info })
    }
    expect(await sync(server, 'quick', both)).toMatchObject({ mode: 'quick', inserted: 2, updated: 0 })
    expect(await sync(server, 'full', both)).toMatchObject({ inserted: 0, updated: 0, removed: 0 })
  })

  it('leaves the oldest of more than 10,000 experiments to the next full one', async () => {
    const server = await mlflow({ models: { experiments: 10_050, runs: 1, registeredModels: 1 } })
    const both = { models_from: 'both' }
    await sync(server, 'full', both)
    const asked = server.requests.length
    const [run] = server.state.runs
    if (!run) throw new Error('the stand-in has no runs')
    for (const experiment_id of ['1', '10050']) {
      const info = { ...run.info, run_id: `of-${experiment_id}`, experiment_id, start_time: Date.now() }
      server.state.runs.push({ ...run, info })
    }
    expect(await sync(server, 'quick', both)).toMatchObject({ mode: 'quick', inserted: 1 })
    expect(server.requests.length - asked).toBeLessThanOrEqual(5)
    expect(await sync(server, 'full', both)).toMatchObject({ inserted: 1 })
  })

  it.each([400, 404, 413])(
    'asks in parts when the server answers %i to so many experiments at once',
    async (status) => {
      const server = await mlflow({ models: { experiments: 1_500 } })
      await sync(server, 'full', { models_from: 'runs' })
      const [run] = server.state.runs
      if (!run) throw new Error('the stand-in has no runs')
      const info = { ...run.info, run_id: 'new', experiment_id: '1400', start_time: Date.now() }
      server.state.runs.push({ ...run, info })
      server.failNext({ path: 'runs/search', status })
      expect(await sync(server, 'quick', { models_from: 'runs' })).toMatchObject({ mode: 'quick', inserted: 1 })
    },
  )

  it('asks about as many experiments as the server lets be named, and then in parts of that size', async () => {
    const server = await mlflow({ models: { experiments: 300 }, mostExperiments: 40 })
    expect(await sync(server, 'full', { models_from: 'runs' })).toMatchObject({ success: true, inserted: 12 })
    const [run] = server.state.runs
    if (!run) throw new Error('the stand-in has no runs')
    const info = { ...run.info, run_id: 'new', experiment_id: '290', start_time: Date.now() }
    server.state.runs.push({ ...run, info })
    const asked = server.requests.length
    expect(await sync(server, 'quick', { models_from: 'runs' })).toMatchObject({ mode: 'quick', inserted: 1 })
    expect(server.requests.length - asked).toBeLessThan(30)
  })

  it('finds a run that began while a full one was past its experiment, though newer ones were read', async () => {
    let asked = 0
    const delayMs = (endpoint: string): number => {
      if (endpoint !== 'runs/search') return 0
      asked += 1
      const [run] = server.state.runs
      if (!run || asked !== 2) return 20
      const { end_time: _end, ...running } = run.info
      const begin = (run_id: string, experiment_id: string, start_time: number): void => {
        server.state.runs.push({ ...run, info: { ...running, run_id, experiment_id, start_time } })
      }
      begin('late', '1500', Date.now())
      begin('newer', '1', Date.now() + 1)
      return 20
    }
    const server = await mlflow({ models: { experiments: 1_500 }, delayMs })
    expect(await sync(server, 'full', { models_from: 'runs' })).toMatchObject({ inserted: 13 })
    expect(await sync(server, 'quick', { models_from: 'runs' })).toMatchObject({ mode: 'quick', inserted: 1 })
  })

  it('finds a version and a run of the very millisecond of the newest known, and then nothing', async () => {
    const server = await mlflow()
    const both = { models_from: 'both' }
    await sync(server, 'full', both)
    await sync(server, 'quick', both)
    const at = Math.max(...server.state.modelVersions.map((version) => version.last_updated_timestamp))
    addModelVersion(server.state, { name: 'churn-prediction', at })
    const run = server.state.runs.at(-1)
    if (!run) throw new Error('the stand-in has no runs')
    server.state.runs.push({ ...run, info: { ...run.info, run_id: 'twin' } })
    expect(await sync(server, 'quick', both)).toMatchObject({ mode: 'quick', inserted: 2, updated: 0 })
    const [before, asked] = [await writers(), server.requests.length]
    expect(await sync(server, 'quick', both)).toMatchObject({ ...nothingNew, message: 'Nothing has changed.' })
    expect(server.requests.length - asked).toBe(4)
    expect(await writers()).toEqual(before)
  })

  it('asks one question when all of many versions are of one millisecond', async () => {
    const models = emptyState()
    addRegisteredModel(models, { name: 'imported' })
    for (let index = 0; index < 1_200; index += 1) addModelVersion(models, { name: 'imported', at: 1_767_600_000_000 })
    const server = await mlflow({ models, mostPerPage: 50 })
    await sync(server, 'full')
    const asked = server.requests.length
    expect(await sync(server, 'quick')).toMatchObject(nothingNew)
    expect(server.requests.length - asked).toBe(1)
  })
})

describe('the event model.synced', () => {
  it('tells how many models a synchronisation has changed, once, and nothing when none has', async () => {
    const server = await startMlflow()
    await sync(server, 'full')
    expect(await publishedIn(application)).toEqual([
      { name: 'model.synced', payload: { mode: 'full', inserted: 24, updated: 0, removed: 0 } },
    ])
    await sync(server, 'full')
    await sync(server, 'quick')
    expect(await publishedIn(application)).toHaveLength(1)
    addVersions(server, 2)
    await sync(server, 'quick')
    expect((await publishedIn(application)).at(-1)).toEqual({
      name: 'model.synced',
      payload: { mode: 'quick', inserted: 2, updated: 0, removed: 0 },
    })
  })

  it('is not published by one that has failed', async () => {
    const server = await startMlflow()
    server.failNext({ path: 'model-versions/search', status: 500 })
    await sync(server, 'full')
    expect(await publishedIn(application)).toEqual([])
  })

  it('is not published when the success cannot be noted', async () => {
    const server = await startMlflow()
    await application.sequelize.query(`ALTER TABLE ${state} ADD CONSTRAINT no_success CHECK (last_success_at IS NULL)`)
    await expect(sync(server, 'full')).rejects.toThrow('no_success')
    expect(await publishedIn(application)).toEqual([])
  })

  it('is done without where the plugin may not publish', async () => {
    const server = await startMlflow()
    await application.sequelize.query('ALTER FUNCTION tenon_api.publish RENAME TO elsewhere')
    try {
      expect(await sync(server, 'full')).toMatchObject({ success: true, inserted: 24 })
    } finally {
      await application.sequelize.query('ALTER FUNCTION tenon_api.elsewhere RENAME TO publish')
    }
    expect(context.logged.join()).toContain('model.synced was not published')
    expect(await sync(server, 'quick')).toMatchObject({ ...nothingNew, mode: 'quick' })
  })

  it('is done without in a host that has no events', async () => {
    const { publish: _, ...silent } = context
    expect(await sync(await startMlflow(), 'full', { within: silent as ObservedContext })).toMatchObject({
      success: true,
    })
    expect(await publishedIn(application)).toEqual([])
  })
})
