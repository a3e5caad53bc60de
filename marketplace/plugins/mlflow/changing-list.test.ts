import {
  addModelVersion,
  addRegisteredModel,
  emptyState,
  type MlflowRelease,
  type MlflowStandin,
  type MlflowStandinOptions,
  type MlflowState,
  removeRegisteredModel,
  setAlias,
} from '@tenon/standins'
import { describe, expect, it } from 'vitest'
import { installForEachTest } from '../../testing/mlflow-servers'
import type { ObservedContext, TestApplication } from '../../testing/test-application'
import { install, syncModels, uninstall } from './index'
import type { SyncMode } from './sync-state'

// MLflow pages by offset: who deletes something on a page that was read moves the first row of the next page onto it.

const tenant = 'a4ayc80OGd'
const releases: readonly MlflowRelease[] = [2, 3]
let application: TestApplication
let context: ObservedContext
const { startMlflow, writers } = installForEachTest({ install, uninstall }, (prepared) => {
  ;({ application, context } = prepared)
})

const nothingChanged = { success: true, inserted: 0, updated: 0, removed: 0 }

function sync({ url }: { url: string }, models_from = 'registry', mode: SyncMode = 'full') {
  const configuration = { tracking_server_url: url, auth_method: 'none', timeout: 5, models_from }
  return syncModels(tenant, configuration, context, mode)
}

interface StoredRow {
  model_name: string
  version: string
  removed_at: Date | null
  tags: object
  aliases: string[]
  description: string | null
  experiment_name: string | null
  metrics: object
}

async function stored(): Promise<StoredRow[]> {
  const table = `"${tenant}".mlflow_model_records`
  return application.sequelize.query<StoredRow & Record<string, unknown>>(`SELECT * FROM ${table} ORDER BY id`, {
    type: 'SELECT',
  })
}

const keyOf = ({ model_name, version }: StoredRow): string => `${model_name} ${version}`
const markedIn = (rows: readonly StoredRow[]): string[] =>
  rows.filter(({ removed_at }) => removed_at !== null).map(keyOf)

describe.each(releases)('a full synchronisation of a list that changes while it is read, with MLflow %i', (release) => {
  /** A server of small pages, on which something happens just before the answer to a question is made. */
  async function startChanging(options: MlflowStandinOptions = {}) {
    const changes: { endpoint: string; skips: number; change: (state: MlflowState) => void }[] = []
    const server: MlflowStandin = await startMlflow({
      release,
      mostPerPage: 5,
      ...options,
      delayMs(endpoint) {
        const due = changes.find((one) => one.endpoint === endpoint)
        if (due && due.skips-- === 0) {
          changes.splice(changes.indexOf(due), 1)
          due.change(server.state)
        }
        return 0
      },
    })
    const asked: (endpoint?: string) => number = (endpoint = '') =>
      server.requests.filter(({ path }) => path.endsWith(endpoint)).length
    const beforePage = (number: number, endpoint: string, change: (state: MlflowState) => void): void =>
      void changes.push({ endpoint, skips: number - 1, change })
    return Object.assign(server, { asked, beforePage })
  }

  /** The version that stands first in the list. */
  const deleteNewest = ({ modelVersions }: MlflowState): void => {
    const newest = modelVersions.reduce((one, other) =>
      other.last_updated_timestamp > one.last_updated_timestamp ? other : one,
    )
    modelVersions.splice(modelVersions.indexOf(newest), 1)
  }
  const isPresent = ({ modelVersions }: MlflowState, key: string): boolean =>
    modelVersions.some(({ name, version }) => `${name} ${version}` === key)

  it('does not take a version for removed that slipped onto a page already read', async () => {
    const server = await startChanging()
    await sync(server)
    const before = await writers()
    server.beforePage(2, 'model-versions/search', deleteNewest)
    expect(await sync(server)).toMatchObject(nothingChanged)
    expect(markedIn(await stored())).toEqual([])
    // The one that is gone was still there when its page was read.
    expect(await sync(server)).toMatchObject({ ...nothingChanged, removed: 1 })
    const rows = await stored()
    expect(markedIn(rows).filter((key) => isPresent(server.state, key))).toEqual([])
    expect((await writers()).filter((writer, place) => writer !== before[place])).toHaveLength(1)
  })

  it('stores what has changed of a version that was moved onto a page already read', async () => {
    const server = await startChanging()
    await sync(server)
    server.beforePage(3, 'model-versions/search', ({ modelVersions }) => {
      const oldest = modelVersions.reduce((one, other) =>
        other.last_updated_timestamp < one.last_updated_timestamp ? other : one,
      )
      Object.assign(oldest, { description: 'Just changed', last_updated_timestamp: Date.now() })
      addModelVersion(server.state, { name: 'churn-prediction', at: Date.now() - 1 })
    })
    expect(await sync(server)).toMatchObject({ inserted: 0, updated: 1, removed: 0 })
    const rows = await stored()
    expect(markedIn(rows)).toEqual([])
    expect(rows.filter(({ description }) => description === 'Just changed')).toHaveLength(1)
    // What was made meanwhile is newer than what the list showed first, and the next quick one looks back to there.
    expect(await sync(server, 'registry', 'quick')).toMatchObject({ mode: 'quick', inserted: 1, updated: 0 })
    expect(await sync(server)).toMatchObject(nothingChanged)
  })

  it('marks very many removed versions, and none that slipped', async () => {
    const server = await startChanging({ models: { registeredModels: 300, versionsPerModel: 1 }, mostPerPage: 50 })
    await sync(server)
    const gone = server.state.registeredModels.slice(0, 150).map(({ name }) => name)
    for (const name of gone) removeRegisteredModel(server.state, name)
    server.beforePage(2, 'model-versions/search', deleteNewest)
    expect(await sync(server)).toMatchObject({ success: true, versionCount: 149, removed: 150 })
    const marked = markedIn(await stored())
    expect(marked.filter((key) => isPresent(server.state, key))).toEqual([])
    expect(marked).toHaveLength(150)
    expect(server.asked('model-versions/get')).toBe(0)
  })

  it('marks none of very many as long as the list never stands still, and all of them later', async () => {
    const server = await startChanging({ models: { registeredModels: 400, versionsPerModel: 1 }, mostPerPage: 50 })
    await sync(server)
    for (const { name } of server.state.registeredModels.slice(0, 150)) removeRegisteredModel(server.state, name)
    const pages = server.state.modelVersions.length / 50
    const begun = server.asked('model-versions/search')
    // Two that are passed over at first; each further reading shows one of them.
    const passedOver = server.state.modelVersions.slice(0, 2)
    server.beforePage(1, 'model-versions/search', ({ modelVersions }) => void modelVersions.splice(0, 2))
    for (const one of passedOver) {
      server.beforePage(pages, 'model-versions/search', ({ modelVersions }) => void modelVersions.push(one))
    }
    expect(await sync(server)).toMatchObject({ success: true, removed: 0 })
    expect(server.asked('model-versions/search') - begun).toBe(3 * pages)
    expect(markedIn(await stored())).toEqual([])
    expect(await sync(server)).toMatchObject({ success: true, removed: 150 })
    expect(markedIn(await stored()).filter((key) => isPresent(server.state, key))).toEqual([])
  })

  it('leaves tags and aliases with the versions of a model that slipped', async () => {
    const server = await startChanging({ mostPerPage: 2 })
    for (const { name } of server.state.registeredModels) setAlias(server.state, name, 'live', '1')
    await sync(server)
    const before = await stored()
    server.beforePage(2, 'registered-models/search', ({ registeredModels }) => {
      registeredModels.sort((one, other) => (one.name < other.name ? -1 : 1)).shift()
    })
    expect(await sync(server)).toMatchObject({ ...nothingChanged, versionCount: 24 })
    expect(await stored()).toEqual(before)
    expect(server.asked('registered-models/get')).toBe(1)
  })

  it('reads the list of models once more when very many have slipped', async () => {
    const server = await startChanging({ models: { registeredModels: 120, versionsPerModel: 1 }, mostPerPage: 30 })
    await sync(server)
    const [before, begun] = [await stored(), server.asked('registered-models/search')]
    const names = server.state.registeredModels.map(({ name }) => name).sort()
    server.beforePage(2, 'registered-models/search', ({ registeredModels }) => {
      const left = registeredModels.filter(({ name }) => !names.slice(0, 30).includes(name))
      registeredModels.splice(0, Infinity, ...left)
    })
    expect(await sync(server)).toMatchObject({ ...nothingChanged, versionCount: 120 })
    expect(await stored()).toEqual(before)
    expect(server.asked('registered-models/search') - begun).toBeLessThanOrEqual(8)
    expect(server.asked('registered-models/get')).toBeLessThanOrEqual(20)
  })

  it.each(['registry', 'runs', 'both'])(
    'knows the experiments that slipped, and what belongs to them (models from %s)',
    async (from) => {
      const server = await startChanging({ models: { experiments: 8, runs: 24 }, mostPerPage: 3 })
      await sync(server, from)
      const before = await stored()
      server.beforePage(2, 'experiments/search', (state) => {
        // Purged, with its runs: the newest, which stands first.
        const last = state.experiments.reduce((one, other) => (other.creation_time > one.creation_time ? other : one))
        state.experiments.splice(state.experiments.indexOf(last), 1)
      })
      expect(await sync(server, from)).toMatchObject({ ...nothingChanged, runsMissing: 0 })
      expect(await stored()).toEqual(before)
      const [run] = server.state.runs
      if (from === 'registry' || !run) return
      // And the next quick one asks about the runs of each of them.
      const known = server.state.experiments.filter(({ experiment_id }) => experiment_id !== '0')
      for (const { experiment_id } of known) {
        const info = { ...run.info, run_id: `new-${experiment_id}`, experiment_id, start_time: Date.now() }
        server.state.runs.push({ ...run, info })
      }
      expect(await sync(server, from, 'quick')).toMatchObject({ mode: 'quick', inserted: known.length, updated: 0 })
    },
  )

  it('does not take a run for removed that slipped onto a page already read', async () => {
    const server = await startChanging()
    await sync(server, 'runs')
    const before = await stored()
    server.beforePage(2, 'runs/search', ({ runs }) => {
      const newest = runs.reduce((one, other) =>
        (other.info.start_time ?? 0) > (one.info.start_time ?? 0) ? other : one,
      )
      newest.info.lifecycle_stage = 'deleted'
    })
    expect(await sync(server, 'runs')).toMatchObject(nothingChanged)
    expect(await stored()).toEqual(before)
    expect(await sync(server, 'runs')).toMatchObject({ ...nothingChanged, removed: 1 })
  })

  it('takes a run that has another name now for another model, also when it asks about the old one', async () => {
    const server = await startChanging()
    await sync(server, 'runs')
    const [run] = server.state.runs
    if (!run) throw new Error('the stand-in has no runs')
    run.info.run_name = 'renamed'
    expect(await sync(server, 'runs')).toMatchObject({ inserted: 1, updated: 0, removed: 1 })
    expect(markedIn(await stored())).toHaveLength(1)
  })
})

describe('the questions of a full synchronisation', () => {
  const count = async (server: MlflowStandin, from?: string) => {
    const before = server.requests.length
    const result = await sync(server, from)
    return { result, questions: server.requests.length - before }
  }

  it.each(['registry', 'runs', 'both'])('are as many as the first time when nothing has changed (%s)', async (from) => {
    const server = await startMlflow({ models: { registeredModels: 60, experiments: 40, runs: 90 } })
    const first = await count(server, from)
    const second = await count(server, from)
    expect(second.result).toMatchObject(nothingChanged)
    expect(second.questions).toBe(first.questions)
  })

  it('are one more for each of a few that were removed, and no more the next time', async () => {
    const server = await startMlflow()
    const { questions } = await count(server)
    removeRegisteredModel(server.state, 'fraud-detection')
    const removing = await count(server)
    expect(removing.result).toMatchObject({ removed: 3 })
    expect(removing.questions).toBe(questions + 3)
    expect((await count(server)).questions).toBe(questions)
  })

  it('are none about runs that do not count as models any more', async () => {
    const server = await startMlflow()
    await sync(server, 'both')
    const { result, questions } = await count(server, 'registry')
    expect(result).toMatchObject({ removed: 12 })
    expect(questions).toBe(4)
  })

  it.each([400, 403, 404, 405])('take an answer of %i for a version that is not there any more', async (status) => {
    const server = await startMlflow()
    await sync(server)
    const [hidden] = server.state.modelVersions.splice(0, 1)
    server.failNext({ path: 'model-versions/get', status })
    expect(await sync(server)).toMatchObject({ success: true, removed: 1 })
    expect(markedIn(await stored())).toEqual([`${hidden?.name} ${hidden?.version}`])
  })

  it.each([401, 500, 'hang'] as const)('mark nothing as removed when one of them fails with %s', async (status) => {
    const server = await startMlflow()
    await sync(server)
    server.state.modelVersions.splice(0, 2)
    server.failNext({ path: 'model-versions/get', status, times: 6 })
    const configuration = { tracking_server_url: server.url, auth_method: 'none', timeout: 1 }
    expect(await syncModels(tenant, configuration, context)).toMatchObject({ success: false, removed: 0 })
    expect(markedIn(await stored())).toEqual([])
  })

  it('stay few where models are named by versions only', async () => {
    const models = emptyState()
    addRegisteredModel(models, { name: 'listed' })
    for (let number = 0; number < 400; number += 1) {
      addRegisteredModel(models, { name: `hidden-${number}` })
      addModelVersion(models, { name: `hidden-${number}` })
    }
    models.registeredModels.splice(1)
    const server = await startMlflow({ models })
    const { result, questions } = await count(server)
    expect(result).toMatchObject({ success: true, inserted: 400 })
    expect(questions).toBeLessThanOrEqual(110)
  })
})
