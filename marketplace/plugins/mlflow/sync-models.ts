import type { SeedContext } from '@tenon/sdk'
import { isConfigured, readConfiguration, validateConfig } from './configuration'
import { MlflowError } from './mlflow-error'
import { connectMlflow, type MlflowServer } from './mlflow-server'
import { modelRecords, type ModelRecord, type ModelRecords } from './model-records'
import {
  type Experiment,
  type ModelVersion,
  readExperiment,
  readExperiments,
  readModel,
  readModels,
  readRun,
  readVersions,
  type RegisteredModel,
  type Run,
} from './registry'
import { readSyncState, recordSync, type SyncMode } from './sync-state'

/** Requests for runs that are under way at once; a tracking server is often one small process. */
const PARALLEL_RUNS = 4

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
 * `full` reads everything, and is the only mode that sees removals, tags and aliases. `quick` reads back to the last
 * known change.
 */
export async function syncModels(
  tenantId: string,
  configuration: Record<string, unknown>,
  context: SeedContext,
  mode: SyncMode = 'full',
): Promise<SyncResult> {
  const counts: Counts = { modelCount: 0, versionCount: 0, inserted: 0, updated: 0, removed: 0, runsMissing: 0 }
  const refusal = refusalOf(configuration)
  if (refusal !== undefined) return resultOf(counts, mode, 'not_configured', refusal)

  const { sequelize } = context
  const server = connectMlflow(readConfiguration(configuration), { signal: context.signal })
  const records = modelRecords(sequelize, tenantId)
  const actualMode = mode === 'quick' && (await canBeQuick(context, tenantId, records)) ? 'quick' : 'full'
  try {
    const run = actualMode === 'quick' ? syncChanges : syncEverything
    await run({ server, records, counts, progress: context.progress })
    await recordSync(sequelize, tenantId, { mode: actualMode, connected: true, error: null })
    return resultOf(
      counts,
      actualMode,
      actualMode === 'full' && counts.versionCount === 0 ? 'no_models' : 'success',
      successMessage(counts, actualMode),
    )
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error
    const message = failureMessage(error, counts)
    await recordSync(sequelize, tenantId, { mode: actualMode, connected: isReachable(error), error: message })
    context.log?.warn(message)
    return resultOf(counts, actualMode, error.failure === 'cancelled' ? 'cancelled' : 'failed', message)
  } finally {
    server.close()
  }
}

interface Sync {
  server: MlflowServer
  records: ModelRecords
  counts: Counts
  progress: ((done: number, total?: number, message?: string) => void) | undefined
}

async function syncEverything({ server, records, counts, progress }: Sync): Promise<void> {
  progress?.(0, undefined, 'Reading models')
  const models = new Map<string, RegisteredModel>()
  for await (const page of readModels(server)) for (const [name, model] of page) models.set(name, model)
  counts.modelCount = models.size

  const experiments = new Map<string, Experiment>()
  for await (const page of readExperiments(server)) for (const [id, experiment] of page) experiments.set(id, experiment)

  const describe = describer(server, {
    model: (name) => Promise.resolve(models.get(name)),
    experiment: (id) => Promise.resolve(experiments.get(id)),
  })
  const present = new Set<string>()
  for await (const page of readVersions(server)) {
    for (const { name, version } of page) present.add(keyOf(name, version))
    await writePage(page, describe, records, counts)
    counts.versionCount = present.size
    progress?.(counts.versionCount, undefined, `${counts.versionCount} versions`)
  }
  counts.removed = await records.markRemoved((name, version) => present.has(keyOf(name, version)))
}

async function syncChanges({ server, records, counts, progress }: Sync): Promise<void> {
  const newestKnownMs = await records.newestChangeMs()
  const describe = describer(server, {
    model: remember((name) => readModel(server, name)),
    experiment: remember((id) => readExperiment(server, id)),
  })
  const names = new Set<string>()
  for await (const page of readVersions(server)) {
    const changed = page.filter(({ updatedAtMs }) => (updatedAtMs ?? 0) > newestKnownMs)
    await writePage(changed, describe, records, counts)
    for (const { name } of changed) names.add(name)
    counts.modelCount = names.size
    counts.versionCount += changed.length
    progress?.(counts.versionCount, undefined, `${counts.versionCount} changed versions`)
    if (changed.length < page.length) return
  }
}

type Describe = (version: ModelVersion) => Promise<{ record: ModelRecord; runMissing: boolean }>

async function writePage(
  page: ModelVersion[],
  describe: Describe,
  records: ModelRecords,
  counts: Counts,
): Promise<void> {
  const described = await mapParallel(page, PARALLEL_RUNS, describe)
  const { inserted, updated } = await records.upsert(described.map(({ record }) => record))
  counts.inserted += inserted
  counts.updated += updated
  counts.runsMissing += described.filter(({ runMissing }) => runMissing).length
}

function describer(
  server: MlflowServer,
  find: {
    model: (name: string) => Promise<RegisteredModel | undefined>
    experiment: (id: string) => Promise<Experiment | undefined>
  },
): Describe {
  // Several versions often come from one run.
  const findRun = remember((runId) => readRun(server, runId))
  return async (version) => {
    const model = await find.model(version.name)
    const run = version.runId === null ? undefined : await findRun(version.runId)
    const experiment = run?.experimentId ? await find.experiment(run.experimentId) : undefined
    return {
      record: toRecord(version, model, run, experiment),
      runMissing: version.runId !== null && run === undefined,
    }
  }
}

function toRecord(
  version: ModelVersion,
  model: RegisteredModel | undefined,
  run: Run | undefined,
  experiment: Experiment | undefined,
): ModelRecord {
  return {
    model_name: version.name,
    version: version.version,
    lifecycle_stage: version.stage,
    run_id: version.runId,
    description: version.description ?? model?.description ?? null,
    source: version.source,
    status: version.status,
    tags: { ...model?.tags, ...version.tags },
    metrics: run?.metrics ?? {},
    parameters: run?.parameters ?? {},
    experiment_id: run?.experimentId ?? null,
    experiment_name: experiment?.name ?? null,
    artifact_location: experiment?.artifactLocation ?? null,
    training_status: run?.status ?? null,
    training_started_at: isoOf(run?.startedAtMs),
    training_ended_at: isoOf(run?.endedAtMs),
    source_version: run?.sourceVersion ?? null,
    model_created_at: isoOf(version.createdAtMs),
    model_updated_at: isoOf(version.updatedAtMs),
    aliases: [...new Set([...(model?.aliases.get(version.version) ?? []), ...version.aliases])].sort(),
  }
}

function refusalOf(configuration: Record<string, unknown>): string | undefined {
  if (!isConfigured(configuration)) return 'Enter the address of the tracking server first.'
  const { valid, errors } = validateConfig(configuration)
  return valid ? undefined : `The configuration is not valid: ${errors.join('; ')}`
}

/** There must be something to be quick about: a full synchronisation that succeeded, and a record of its time. */
async function canBeQuick({ sequelize }: SeedContext, tenantId: string, records: ModelRecords): Promise<boolean> {
  const state = await readSyncState(sequelize, tenantId)
  return state.lastFullSuccessAt !== null && (await records.newestChangeMs()) > 0
}

function isReachable({ failure }: MlflowError): boolean | null {
  if (failure === 'cancelled') return null
  return failure === 'answer' || failure === 'not-found'
}

function resultOf(counts: Counts, mode: SyncMode, status: SyncResult['status'], message: string): SyncResult {
  const success = status === 'success' || status === 'no_models'
  return { success, ...counts, mode, status, message, syncedAt: new Date().toISOString() }
}

function successMessage({ modelCount, versionCount, inserted, updated, removed }: Counts, mode: SyncMode): string {
  if (versionCount === 0) return mode === 'quick' ? 'Nothing has changed.' : 'The registry has no model versions.'
  const what = mode === 'quick' ? 'changed versions' : 'versions'
  return `Read ${versionCount} ${what} of ${modelCount} models: ${inserted} new, ${updated} changed, ${removed} removed.`
}

function failureMessage(error: MlflowError, { inserted, updated }: Counts): string {
  const written = inserted + updated
  const kept = written === 0 ? 'Nothing was changed.' : `${written} records were written before that and are kept.`
  return `${error.message} ${kept} Models that were synchronised earlier are still shown.`
}

/** Calls `work` for each item, `limit` at a time. The first failure stops new calls. */
async function mapParallel<In, Out>(
  items: readonly In[],
  limit: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = []
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const index = next++
      try {
        results[index] = await work(items[index])
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker))
  return results
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

function keyOf(name: string, version: string): string {
  return JSON.stringify([name, version])
}

function isoOf(milliseconds: number | null | undefined): string | null {
  return typeof milliseconds === 'number' ? new Date(milliseconds).toISOString() : null
}
