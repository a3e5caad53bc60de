import { describing } from './describe-versions'
import { experimentFinder } from './find-experiments'
import { mapParallel, PARALLEL_QUESTIONS } from './map-parallel'
import type { MlflowServer } from './mlflow-server'
import { factsOf } from './model-facts'
import type { ModelKey } from './model-records'
import { completing } from './omissions'
import { readAhead } from './read-ahead'
import {
  type Experiment,
  type ListedExperiment,
  type ModelVersion,
  readActiveRun,
  readExperiments,
  readListedExperiment,
  readModel,
  readModels,
  readVersion,
  readVersions,
  type RegisteredModel,
  type Run,
  runsByIdOf,
  searchRuns,
  unlessHidden,
} from './registry'
import { markRemoved } from './removals'
import { type Sync, write, writeRuns } from './sync'

/**
 * Pages that are asked for while earlier ones are compared and written. With the questions about their runs they keep
 * the few connections busy, and 3,000 versions are little to hold.
 */
const PAGES_AHEAD = 3

/** Of two pages, each version of which has a run of its own. */
const RUNS_REMEMBERED = 2_000

/** Reads all there is, and marks what has gone. */
export async function syncEverything(sync: Sync): Promise<void> {
  const { records, counts, modelsFrom } = sync
  await records.beginFull()
  await readEverything(sync)
  counts.removed = await markRemoved({
    records,
    modelsFrom,
    readAgain: () => readEverything(sync),
    storePresent: (some) => storePresent(sync, some),
  })
}

/** Counts anew what is there. */
async function readEverything(sync: Sync): Promise<void> {
  const { counts, modelsFrom } = sync
  Object.assign(counts, { modelCount: 0, versionCount: 0, runsMissing: 0 })
  sync.progress?.(0, undefined, 'Reading experiments')
  const experiments = await collectExperiments(sync)
  if (modelsFrom !== 'runs') await syncRegistry(sync, experiments)
  if (modelsFrom === 'registry') return
  const runs = searchRuns(sync.server, [...experiments.keys()], { view: 'ACTIVE_ONLY' })
  for await (const page of readAhead(runs, 1)) {
    sync.reach.sawRuns(page)
    await writeRuns(sync, page, experiments)
  }
}

/** All of them, with those of the stored models that the list has passed over. */
async function collectExperiments({ server, records, reach, modelsFrom }: Sync): Promise<Map<string, Experiment>> {
  const found = new Map<string, Experiment>()
  const remember = (listed: readonly ListedExperiment[]): void => {
    const fresh = listed.filter(({ id }) => !found.has(id))
    if (modelsFrom !== 'registry') reach.sawExperiments(fresh)
    for (const { id, facts } of fresh) found.set(id, facts)
  }
  const readAll = async (): Promise<void> => {
    for await (const page of readExperiments(server)) remember(page)
  }
  await readAll()
  const complete = completing({
    has: (id) => found.has(id),
    readAll,
    readOne: async (id) => remember([(await unlessHidden(readListedExperiment(server, id))) ?? []].flat()),
  })
  await complete(await records.experimentIds())
  return found
}

/** Stores those of these that were not met, but are there: they are asked for one by one. */
async function storePresent(sync: Sync, keys: { versions: ModelKey[]; runs: ModelKey[] }): Promise<void> {
  const { server } = sync
  const versions = await mapParallel(keys.versions, PARALLEL_QUESTIONS, ({ name, version }) =>
    unlessHidden(readVersion(server, name, version)),
  )
  await write(sync, await mapParallel(withoutGone(versions), PARALLEL_QUESTIONS, describing(sync)))
  const runs = withoutGone(
    await mapParallel(keys.runs, PARALLEL_QUESTIONS, ({ version }) => unlessHidden(readActiveRun(server, version))),
  )
  await writeRuns(
    sync,
    runs,
    await experimentFinder(server).find(runs.flatMap(({ experimentId }) => experimentId ?? [])),
  )
}

function withoutGone<Item>(items: readonly (Item | undefined)[]): Item[] {
  return items.filter((item) => item !== undefined)
}

async function syncRegistry(sync: Sync, experiments: Map<string, Experiment>): Promise<void> {
  const { server, counts, reach } = sync
  const reading = new Set<Promise<unknown>>()
  const models = keepUnderway(reading, collectModels(server))
  const findRuns = runsOf(server, [...experiments.keys()])
  let lastWrite: Promise<void> = Promise.resolve()
  try {
    for await (const { page, runs } of readAhead(describedPages(server, findRuns, reading), PAGES_AHEAD)) {
      reach.sawVersions(page)
      const { found: knownModels, complete } = await models
      counts.modelCount = knownModels.size
      await complete(page.map(({ name }) => name))
      const knownRuns = await runs
      const described = page.map((version) => {
        const run = version.runId === null ? undefined : knownRuns.get(version.runId)
        if (version.runId !== null && !run) counts.runsMissing += 1
        return factsOf(version, knownModels.get(version.name), run, experiments.get(run?.experimentId ?? ''))
      })
      // While one page is written, the next is compared.
      const writing = keepUnderway(reading, write(sync, described))
      await lastWrite
      lastWrite = writing
    }
    await lastWrite
    counts.modelCount = (await models).found.size
  } finally {
    // What is on its way is waited for, so that nothing is asked or written after the call has ended.
    await Promise.allSettled(reading)
  }
}

/** All that are listed, and how to ask for those of some versions that the list has passed over. */
async function collectModels(server: MlflowServer) {
  const found = new Map<string, RegisteredModel>()
  const readAll = async (): Promise<void> => {
    for await (const page of readModels(server)) for (const [name, model] of page) found.set(name, model)
  }
  await readAll()
  const readOne = async (name: string): Promise<void> => {
    const model = await unlessHidden(readModel(server, name))
    if (model) found.set(name, model)
  }
  return { found, complete: completing({ has: (name) => found.has(name), readAll, readOne }) }
}

interface PageWithRuns {
  page: ModelVersion[]
  /** The runs that made these versions, and perhaps others. */
  runs: Promise<KnownRuns>
}

/** Undefined for a run that is gone. */
type KnownRuns = ReadonlyMap<string, Run | undefined>

/** Pages of versions. The next page is asked for while the runs of this one are on their way. */
async function* describedPages(
  server: MlflowServer,
  findRuns: (ids: readonly string[]) => Promise<KnownRuns>,
  reading: Set<Promise<unknown>>,
): AsyncGenerator<PageWithRuns> {
  for await (const page of readVersions(server)) {
    yield { page, runs: keepUnderway(reading, findRuns(page.flatMap(({ runId }) => runId ?? []))) }
  }
}

/** Remembers what is on its way until it is there. Whoever needs it learns of its failure; nobody else has to listen. */
function keepUnderway<Value>(underway: Set<Promise<unknown>>, promise: Promise<Value>): Promise<Value> {
  underway.add(promise)
  const forget = (): void => void underway.delete(promise)
  promise.then(forget, forget)
  return promise
}

/**
 * Runs by their ids. Several versions often come from one run: those that were needed last are not asked for again.
 * No more than these are held, however many there are.
 */
function runsOf(server: MlflowServer, experimentIds: readonly string[]) {
  const recent = new Map<string, Run | undefined>()
  const findById = runsByIdOf(server, experimentIds)
  return async (ids: readonly string[]): Promise<KnownRuns> => {
    const runs = new Map(ids.map((id) => [id, recent.get(id)]))
    const fresh = [...runs.keys()].filter((id) => !recent.has(id))
    for (const run of await findById(fresh)) runs.set(run.id, run)
    for (const [id, run] of runs) {
      recent.delete(id)
      recent.set(id, run)
    }
    forgetFirst(recent, recent.size - RUNS_REMEMBERED)
    return runs
  }
}

function forgetFirst(entries: Map<string, unknown>, count: number): void {
  for (const key of [...entries.keys()].slice(0, Math.max(count, 0))) entries.delete(key)
}
