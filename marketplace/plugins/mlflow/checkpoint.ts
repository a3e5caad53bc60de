import type { Sequelize } from '@tenon/sdk'
import type { MlflowConfiguration, ModelsFrom } from './configuration'
import { stateTable } from './model-records'
import type { ListedExperiment, ModelVersion, Run } from './registry'

/** Up to where everything that the server had is stored. Moves only when a synchronisation has succeeded. */
export interface Checkpoint {
  baseUrl: string
  modelsFrom: ModelsFrom
  versionChangedMs: number
  runStartedMs: number
  runEndedMs: number
  experimentCreatedMs: number
  /** Newest first: a question about runs has to name the experiments. */
  experimentIds: readonly string[]
}

/** A question that names these has 200 kB of text; a database such as SQLite takes 32,766 values unless told otherwise. */
const MOST_EXPERIMENTS = 10_000

/** The last checkpoint; undefined when there is none for this server and choice, so that everything has to be read. */
export async function readCheckpoint(
  sequelize: Sequelize,
  tenantId: string,
  { baseUrl, modelsFrom }: Pick<MlflowConfiguration, 'baseUrl' | 'modelsFrom'>,
): Promise<Checkpoint | undefined> {
  // By way of JSON, so that the column may be missing: a table that an earlier version made does not have it.
  const [row] = await sequelize.query<{ checkpoint: string | null }>(
    `SELECT to_jsonb(state) ->> 'checkpoint' AS checkpoint FROM ${stateTable(tenantId)} AS state`,
    { type: 'SELECT' },
  )
  const stored = JSON.parse(row?.checkpoint ?? 'null') as Checkpoint | null
  return stored?.baseUrl === baseUrl && stored.modelsFrom === modelsFrom ? stored : undefined
}

/** Before anything is known of a server. */
export function noCheckpoint({ baseUrl, modelsFrom }: MlflowConfiguration): Checkpoint {
  return {
    baseUrl,
    modelsFrom,
    versionChangedMs: 0,
    runStartedMs: 0,
    runEndedMs: 0,
    experimentCreatedMs: 0,
    experimentIds: [],
  }
}

/** Notes what a synchronisation has seen. */
export interface Reach {
  /** Where it began. */
  readonly since: Checkpoint
  sawVersions(versions: readonly ModelVersion[]): void
  sawRuns(runs: readonly Run[]): void
  sawExperiments(experiments: readonly ListedExperiment[]): void
  /** Newest first, and no more than one question may name. */
  experimentIds(): readonly string[]
  /** Where the next one may begin, once this one has succeeded. */
  checkpoint(): Checkpoint
}

export function reachFrom(since: Checkpoint): Reach {
  const begunAt = performance.now()
  const newest = { ...since }
  const found: ListedExperiment[] = []
  const experimentIds = (): readonly string[] => {
    const newestFirst = [...found].sort((a, b) => (b.createdAtMs ?? 0) - (a.createdAtMs ?? 0)).map(({ id }) => id)
    return [...newestFirst, ...since.experimentIds].slice(0, MOST_EXPERIMENTS)
  }
  return {
    since,
    experimentIds,
    // Of these the server lists the last changed first: what changes while they are read is newer than the first page.
    sawVersions(versions) {
      for (const { updatedAtMs } of versions) newest.versionChangedMs = latest(newest.versionChangedMs, updatedAtMs)
    },
    sawRuns(runs) {
      for (const { startedAtMs, endedAtMs } of runs) {
        newest.runStartedMs = latest(newest.runStartedMs, startedAtMs)
        newest.runEndedMs = latest(newest.runEndedMs, endedAtMs)
      }
    },
    sawExperiments(experiments) {
      found.push(...experiments)
      for (const { createdAtMs } of experiments) {
        newest.experimentCreatedMs = latest(newest.experimentCreatedMs, createdAtMs)
      }
    },
    checkpoint() {
      // The newest may have come while something older, on a page already read, came as well.
      const tookMs = Math.ceil(performance.now() - begunAt)
      return {
        ...newest,
        runStartedMs: latest(since.runStartedMs, newest.runStartedMs - tookMs),
        runEndedMs: latest(since.runEndedMs, newest.runEndedMs - tookMs),
        experimentCreatedMs: latest(since.experimentCreatedMs, newest.experimentCreatedMs - tookMs),
        experimentIds: experimentIds(),
      }
    },
  }
}

function latest(known: number, moment: number | null): number {
  return Math.max(known, moment ?? 0)
}
