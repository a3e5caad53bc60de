import type { SeedContext, Transaction } from '@tenon/sdk'
import { type Checkpoint, noCheckpoint, type Reach, reachFrom, readCheckpoint } from './checkpoint'
import { isConfigured, type ModelsFrom, readConfiguration, validateConfig } from './configuration'
import { mapParallel, PARALLEL_QUESTIONS } from './map-parallel'
import { MlflowError, type MlflowFailure } from './mlflow-error'
import { connectMlflow, type MlflowServer } from './mlflow-server'
import {
  type Glimpse,
  type ModelKey,
  modelRecords,
  type ModelFacts,
  type ModelRecord,
  type ModelRecords,
} from './model-records'
import { completing } from './omissions'
import {
  type Experiment,
  inParts,
  isRefusedQuestion,
  type ListedExperiment,
  type ModelVersion,
  readActiveRun,
  readExperiment,
  readExperiments,
  readExperimentsSince,
  readListedExperiment,
  readModel,
  readModels,
  readRun,
  runsByIdOf,
  readVersions,
  readVersion,
  type RegisteredModel,
  type Run,
  searchRuns,
  searchRunsSince,
  unlessHidden,
} from './registry'
import { markRemoved } from './removals'
import { recordSync, type SyncMode, type SyncOutcome } from './sync-state'

/**
 * Pages that are asked for while earlier ones are compared and written. With the questions about their runs they keep
 * the few connections busy, and 3,000 versions are little to hold.
 */
const PAGES_AHEAD = 3

/** Of two pages, each version of which has a run of its own. */
const RUNS_REMEMBERED = 2_000

export interface SyncResult {
  success: boolean
  /** Registered models. */
  modelCount: number
  /** Versions of them: the rows of the table. */
  versionCount: number
  inserted: number
  updated: number
  removed: number
  /** Versions whose run no longer exists at the server. */
  runsMissing: number
  mode: SyncMode
  status: 'success' | 'no_models' | 'not_configured' | 'cancelled' | 'failed'
  /** Why the server could not be read. */
  failure: MlflowFailure | null
  message: string
  /** ISO 8601. */
  syncedAt: string
}

type Counts = Pick<SyncResult, 'modelCount' | 'versionCount' | 'inserted' | 'updated' | 'removed' | 'runsMissing'>

/**
 * Copies the model registry into `mlflow_model_records`. Pages are written as they come; a page that cannot be read
 * fails the whole, says what had been written by then, and marks nothing as removed. A registry without a change writes
 * no record.
 *
 * `full` reads everything, and is the only mode that sees removals, tags and aliases. `quick` reads back to what the
 * last synchronisation that succeeded had seen, and is a full one when there was none for this server.
 */
export async function syncModels(
  tenantId: string,
  configuration: Record<string, unknown>,
  context: SeedContext,
  mode: SyncMode = 'full',
): Promise<SyncResult> {
  const counts: Counts = { modelCount: 0, versionCount: 0, inserted: 0, updated: 0, removed: 0, runsMissing: 0 }
  const refusal = refusalOf(configuration)
  if (refusal !== undefined) return resultOf(counts, mode, { status: 'not_configured', message: refusal })

  const read = readConfiguration(configuration)
  const server = connectMlflow(read, { signal: context.signal })
  const records = modelRecords(context, tenantId)
  await records.catchUpState()
  const since = mode === 'quick' ? await readCheckpoint(context.sequelize, tenantId, read) : undefined
  const actualMode = since ? 'quick' : 'full'
  const reach = reachFrom(since ?? noCheckpoint(read))
  try {
    const run = actualMode === 'quick' ? syncChanges : syncEverything
    await run({ server, records, reach, counts, modelsFrom: read.modelsFrom, progress: context.progress })
    await recordSuccess(context, tenantId, { mode: actualMode, counts, checkpoint: reach.checkpoint() })
    const status = actualMode === 'full' && counts.versionCount === 0 ? 'no_models' : 'success'
    return resultOf(counts, actualMode, { status, message: successMessage(counts, actualMode) })
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error
    const message = failureMessage(error, counts)
    await recordSync(context.sequelize, tenantId, { mode: actualMode, connected: isReachable(error), error: message })
    context.log?.warn(message)
    const { failure } = error
    return resultOf(counts, actualMode, { status: failure === 'cancelled' ? failure : 'failed', failure, message })
  } finally {
    server.close()
  }
}

interface Success {
  mode: SyncMode
  counts: Counts
  checkpoint: Checkpoint
}

/** Notes it and tells of it at once, so that nobody hears of what was not noted. */
async function recordSuccess(context: SeedContext, tenantId: string, success: Success): Promise<void> {
  const { sequelize } = context
  const { mode, checkpoint } = success
  const outcome: SyncOutcome = { mode, connected: true, error: null, checkpoint }
  // Other hosts have nobody to tell.
  if (!context.publish || !hasChanged(success.counts)) return recordSync(sequelize, tenantId, outcome)
  let isTelling = false
  try {
    await sequelize.transaction(async (transaction) => {
      await recordSync(sequelize, tenantId, outcome, transaction)
      isTelling = true
      await announce(success, context, transaction)
      isTelling = false
    })
  } catch (error) {
    if (!isTelling) throw error
    // What has been read is there, whether or not this plugin may tell of it.
    context.log?.warn(`The event model.synced was not published: ${error instanceof Error ? error.message : 'unknown'}`)
    await recordSync(sequelize, tenantId, outcome)
  }
}

/** In the same transaction, which `context.publish` would not be. */
async function announce(
  { mode, counts: { inserted, updated, removed } }: Success,
  { sequelize }: SeedContext,
  transaction: Transaction,
): Promise<void> {
  await sequelize.query('SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))', {
    replacements: { name: 'model.synced', payload: JSON.stringify({ mode, inserted, updated, removed }) },
    transaction,
  })
}

function hasChanged({ inserted, updated, removed }: Counts): boolean {
  return inserted + updated + removed > 0
}

interface Sync {
  server: MlflowServer
  records: ModelRecords
  reach: Reach
  counts: Counts
  modelsFrom: ModelsFrom
  progress: ((done: number, total?: number, message?: string) => void) | undefined
}

async function syncEverything(sync: Sync): Promise<void> {
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

async function syncChanges(sync: Sync): Promise<void> {
  if (sync.modelsFrom !== 'runs') await syncChangedVersions(sync)
  if (sync.modelsFrom !== 'registry') await syncChangedRuns(sync)
}

async function syncChangedVersions(sync: Sync): Promise<void> {
  const { server, counts, reach } = sync
  const sinceMs = reach.since.versionChangedMs
  const describe = describing(sync)
  const names = new Set<string>()
  for await (const page of readVersions(server)) {
    reach.sawVersions(page)
    const recent = page.filter((version) => changedAt(version) >= sinceMs)
    const changed = await withoutKnown(sync, recent, glimpseOf)
    await write(sync, await mapParallel(changed, PARALLEL_QUESTIONS, describe))
    for (const { name } of changed) names.add(name)
    counts.modelCount = names.size
    if (recent.length < page.length || isOldNews(changed, recent, changedAt, sinceMs)) return
  }
}

/** Asks for what belongs to a version. */
function describing({ server, counts }: Sync): (version: ModelVersion) => Promise<ModelFacts> {
  const findModel = remember((name) => readModel(server, name))
  const findRun = remember((runId) => readRun(server, runId))
  const findExperiment = remember((id) => readExperiment(server, id))
  return async (version) => {
    const run = version.runId === null ? undefined : await findRun(version.runId)
    const experiment = run?.experimentId ? await findExperiment(run.experimentId) : undefined
    if (version.runId !== null && !run) counts.runsMissing += 1
    return factsOf(version, await findModel(version.name), run, experiment)
  }
}

/** A page that ends at the checkpoint and has nothing new: thousands may be of that very millisecond. */
function isOldNews<Item>(
  changed: readonly Item[],
  page: readonly Item[],
  momentOf: (item: Item) => number,
  sinceMs: number,
): boolean {
  const last = page.at(-1)
  return changed.length === 0 && last !== undefined && momentOf(last) <= sinceMs
}

/** Those that are not stored as they are: the others need no questions about what belongs to them. */
async function withoutKnown<Item>(
  { records }: Sync,
  items: readonly Item[],
  toGlimpse: (item: Item) => Glimpse,
): Promise<Item[]> {
  if (items.length === 0) return []
  const known = await records.whichAreKnown(items.map(toGlimpse))
  return items.filter((_, place) => !known.has(place))
}

/** Runs that have begun or ended since: with the one about experiments, three questions when nothing has. */
async function syncChangedRuns(sync: Sync): Promise<void> {
  const { server } = sync
  const experiments = experimentFinder(server)
  try {
    experiments.remember(await findNewExperiments(sync))
    await syncRunsSince(sync, sync.reach.experimentIds(), experiments)
  } catch (error) {
    if (!isRefusedQuestion(error)) throw error
    const ask = async function* (some: readonly string[]) {
      yield await syncRunsSince(sync, some, experiments)
    }
    for await (const _part of inParts(await experiments.readAll(), ask));
  }
}

async function findNewExperiments({ server, reach }: Sync): Promise<ListedExperiment[]> {
  const known = new Set(reach.since.experimentIds)
  const found: ListedExperiment[] = []
  for await (const page of readExperimentsSince(server, reach.since.experimentCreatedMs)) {
    const fresh = page.filter(({ id }) => !known.has(id))
    reach.sawExperiments(fresh)
    found.push(...fresh)
    if (fresh.length === 0) break
  }
  return found
}

async function syncRunsSince(sync: Sync, experimentIds: readonly string[], experiments: ExperimentFinder) {
  const { runStartedMs, runEndedMs } = sync.reach.since
  const begun = {
    attribute: 'start_time',
    sinceMs: runStartedMs,
    momentOf: (run: Run) => run.startedAtMs ?? 0,
  } as const
  const ended = { attribute: 'end_time', sinceMs: runEndedMs, momentOf: (run: Run) => run.endedAtMs ?? 0 } as const
  for (const question of [begun, ended]) {
    for await (const page of searchRunsSince(sync.server, experimentIds, question)) {
      sync.reach.sawRuns(page)
      const changed = await withoutKnown(sync, page, glimpseOfRun)
      await writeRuns(sync, changed, await experiments.find(changed.flatMap(({ experimentId }) => experimentId ?? [])))
      if (isOldNews(changed, page, question.momentOf, question.sinceMs)) break
    }
  }
}

type ExperimentFinder = ReturnType<typeof experimentFinder>

/** Experiments of runs that have changed: a few by their ids, many as a list. */
function experimentFinder(server: MlflowServer) {
  const found = new Map<string, Experiment>()
  const remember = (listed: readonly ListedExperiment[]): void => {
    for (const { id, facts } of listed) found.set(id, facts)
  }
  const readAll = async (): Promise<string[]> => {
    const ids: string[] = []
    for await (const page of readExperiments(server)) {
      remember(page)
      ids.push(...page.map(({ id }) => id))
    }
    return ids
  }
  const readOne = async (id: string): Promise<void> => {
    const experiment = await readExperiment(server, id)
    if (experiment) found.set(id, experiment)
  }
  const complete = completing({ has: (id) => found.has(id), readAll, readOne })
  return {
    remember,
    readAll,
    async find(ids: readonly string[]): Promise<ReadonlyMap<string, Experiment>> {
      await complete(ids)
      return found
    },
  }
}

async function writeRuns(
  sync: Sync,
  runs: readonly Run[],
  experiments: ReadonlyMap<string, Experiment>,
): Promise<void> {
  await write(
    sync,
    runs.map((run) => factsOfRun(run, experiments.get(run.experimentId ?? ''))),
  )
  sync.counts.modelCount += runs.length
}

async function write({ records, counts, progress }: Sync, described: readonly ModelFacts[]): Promise<void> {
  const { inserted, updated } = await records.upsert(described)
  counts.inserted += inserted
  counts.updated += updated
  counts.versionCount += described.length
  progress?.(counts.versionCount, undefined, `${counts.versionCount} versions`)
}

function changedAt({ updatedAtMs }: ModelVersion): number {
  return updatedAtMs ?? 0
}

function glimpseOf({ name, version, stage, status, updatedAtMs }: ModelVersion): Glimpse {
  return { model_name: name, version, lifecycle_stage: stage, status, model_updated_at: isoOf(updatedAtMs) }
}

function glimpseOfRun(run: Run): Glimpse {
  return {
    model_name: nameOfRun(run, undefined),
    version: run.id,
    lifecycle_stage: null,
    status: run.status,
    model_updated_at: isoOf(run.endedAtMs ?? run.startedAtMs),
  }
}

function factsOf(
  version: ModelVersion,
  model: RegisteredModel | undefined,
  run: Run | undefined,
  experiment: Experiment | undefined,
): ModelFacts {
  return {
    name: version.name,
    version: version.version,
    content: [
      withoutAliasesOf(model, version),
      model?.description,
      model?.tags,
      model?.aliases.get(version.version),
      run,
      experiment,
    ],
    toRecord: () => toRecord(version, model, run, experiment),
  }
}

function factsOfRun(run: Run, experiment: Experiment | undefined): ModelFacts {
  return {
    name: nameOfRun(run, experiment),
    version: run.id,
    content: [run, experiment],
    toRecord: () => toRunRecord(run, experiment),
  }
}

function nameOfRun(run: Run, experiment: Experiment | undefined): string {
  return run.name ?? experiment?.name ?? run.id
}

function toRecord(
  version: ModelVersion,
  model: RegisteredModel | undefined,
  run: Run | undefined,
  experiment: Experiment | undefined,
): ModelRecord {
  return recordFrom(run, experiment, {
    model_name: version.name,
    version: version.version,
    lifecycle_stage: version.stage,
    run_id: version.runId,
    description: version.description ?? model?.description ?? null,
    source: version.source,
    status: version.status,
    tags: { ...model?.tags, ...version.tags },
    model_created_at: isoOf(version.createdAtMs),
    model_updated_at: isoOf(version.updatedAtMs),
    aliases: aliasesOf(version, model),
  })
}

/** Asked about one version, MLflow names its aliases with it too: it is the same version as in the list. */
function withoutAliasesOf(model: RegisteredModel | undefined, version: ModelVersion): ModelVersion {
  const known = model?.aliases.get(version.version)
  if (!known || version.aliases.length === 0) return version
  return { ...version, aliases: version.aliases.filter((alias) => !known.includes(alias)) }
}

/** MLflow names them with the model; other servers also with the version. */
function aliasesOf({ version, aliases }: ModelVersion, model: RegisteredModel | undefined): string[] {
  const known = model?.aliases.get(version) ?? []
  return aliases.length === 0 ? known : [...new Set([...known, ...aliases])].sort()
}

/** A training run as a model: several runs of one name are its versions, so none of them takes another's place. */
function toRunRecord(run: Run, experiment: Experiment | undefined): ModelRecord {
  const tags = Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.'))
  return recordFrom(run, experiment, {
    model_name: nameOfRun(run, experiment),
    version: run.id,
    lifecycle_stage: null,
    run_id: run.id,
    description: run.tags['mlflow.note.content'] ?? null,
    source: run.artifactLocation,
    status: run.status,
    tags: Object.fromEntries(tags),
    model_created_at: isoOf(run.startedAtMs),
    model_updated_at: isoOf(run.endedAtMs ?? run.startedAtMs),
    aliases: [],
  })
}

type OfTraining =
  | 'metrics'
  | 'parameters'
  | `experiment_${'id' | 'name'}`
  | 'artifact_location'
  | `training_${'status' | 'started_at' | 'ended_at'}`
  | 'source_version'

/** Every field by name: an object that is put together from parts takes four times as long, and a sync makes many. */
function recordFrom(
  run: Run | undefined,
  experiment: Experiment | undefined,
  own: Omit<ModelRecord, OfTraining>,
): ModelRecord {
  return {
    model_name: own.model_name,
    version: own.version,
    lifecycle_stage: own.lifecycle_stage,
    run_id: own.run_id,
    description: own.description,
    source: own.source,
    status: own.status,
    tags: own.tags,
    metrics: run?.metrics ?? {},
    parameters: run?.parameters ?? {},
    experiment_id: run?.experimentId ?? null,
    experiment_name: experiment?.name ?? null,
    artifact_location: experiment?.artifactLocation ?? null,
    training_status: run?.status ?? null,
    training_started_at: isoOf(run?.startedAtMs),
    training_ended_at: isoOf(run?.endedAtMs),
    source_version: run?.sourceVersion ?? null,
    model_created_at: own.model_created_at,
    model_updated_at: own.model_updated_at,
    aliases: own.aliases,
  }
}

function refusalOf(configuration: Record<string, unknown>): string | undefined {
  if (!isConfigured(configuration)) return 'Enter the address of the tracking server first.'
  const { valid, errors } = validateConfig(configuration)
  return valid ? undefined : `The configuration is not valid: ${errors.join('; ')}`
}

function isReachable({ failure }: MlflowError): boolean | null {
  if (failure === 'cancelled') return null
  return failure === 'answer' || failure === 'not-found'
}

function resultOf(
  counts: Counts,
  mode: SyncMode,
  { status, message, failure = null }: Pick<SyncResult, 'status' | 'message'> & Partial<Pick<SyncResult, 'failure'>>,
): SyncResult {
  const success = status === 'success' || status === 'no_models'
  return { success, ...counts, mode, status, failure, message, syncedAt: new Date().toISOString() }
}

function successMessage(counts: Counts, mode: SyncMode): string {
  const { modelCount, versionCount, inserted, updated, removed } = counts
  if (mode === 'quick' && !hasChanged(counts)) return 'Nothing has changed.'
  if (versionCount === 0) return withoutVersions(modelCount)
  const versions = plural(versionCount, mode === 'quick' ? 'changed version' : 'version')
  const models = plural(modelCount, 'model')
  return `Read ${versions} of ${models}: ${inserted} new, ${updated} changed, ${removed} removed.`
}

function withoutVersions(modelCount: number): string {
  if (modelCount === 0) return 'The server has no models.'
  return `The server has ${plural(modelCount, 'registered model')}, and no version of ${modelCount === 1 ? 'it' : 'them'}.`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function failureMessage(error: MlflowError, { inserted, updated }: Counts): string {
  const written = inserted + updated
  const kept = written === 0 ? 'Nothing was changed.' : `${written} records were written before that and are kept.`
  return `${error.message} ${kept} Models that were synchronised earlier are still shown.`
}

/** Asks for so many pages while the caller is at work with an earlier one. */
async function* readAhead<Page>(pages: AsyncGenerator<Page>, count: number): AsyncGenerator<Page> {
  const asked: Promise<IteratorResult<Page>>[] = []
  const ask = (): void => {
    const next = pages.next()
    // Told to whoever waits for it; until then nobody does.
    next.catch(() => undefined)
    asked.push(next)
  }
  try {
    for (let ahead = 0; ahead < count; ahead += 1) ask()
    for (let page = await asked.shift(); page && !page.done; page = await asked.shift()) {
      ask()
      yield page.value
    }
  } finally {
    // A page that is on its way is waited for, so that nothing is asked after the call has ended.
    await Promise.allSettled(asked)
  }
}

function remember<T>(find: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const found = new Map<string, Promise<T>>()
  return (key) => {
    const earlier = found.get(key)
    if (earlier) return earlier
    const fresh = find(key)
    found.set(key, fresh)
    return fresh
  }
}

function isoOf(milliseconds: number | null | undefined): string | null {
  return typeof milliseconds === 'number' ? new Date(milliseconds).toISOString() : null
}
