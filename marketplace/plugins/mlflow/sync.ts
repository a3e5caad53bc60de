import type { Reach } from './checkpoint'
import type { ModelsFrom } from './configuration'
import type { MlflowServer } from './mlflow-server'
import { factsOfRun } from './model-facts'
import type { ModelFacts, ModelRecords } from './model-records'
import type { Experiment, Run } from './registry'

/** How many there are, and what became of them. */
export interface Counts {
  /** Registered models. */
  modelCount: number
  /** Versions of them: the rows of the table. */
  versionCount: number
  inserted: number
  updated: number
  removed: number
  /** Versions whose run no longer exists at the server. */
  runsMissing: number
}

/** A synchronisation that is under way. */
export interface Sync {
  server: MlflowServer
  records: ModelRecords
  reach: Reach
  counts: Counts
  modelsFrom: ModelsFrom
  progress: ((done: number, total?: number, message?: string) => void) | undefined
}

export async function writeRuns(
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

export async function write({ records, counts, progress }: Sync, described: readonly ModelFacts[]): Promise<void> {
  const { inserted, updated } = await records.upsert(described)
  counts.inserted += inserted
  counts.updated += updated
  counts.versionCount += described.length
  progress?.(counts.versionCount, undefined, `${counts.versionCount} versions`)
}
