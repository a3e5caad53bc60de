import { describing } from './describe-versions'
import { experimentFinder, type ExperimentFinder } from './find-experiments'
import { mapParallel, PARALLEL_QUESTIONS } from './map-parallel'
import { glimpseOf, glimpseOfRun } from './model-facts'
import type { Glimpse } from './model-records'
import {
  inParts,
  isRefusedQuestion,
  type ListedExperiment,
  type ModelVersion,
  readExperimentsSince,
  readVersions,
  type Run,
  searchRunsSince,
} from './registry'
import { type Sync, write, writeRuns } from './sync'

/** Reads back to what the last synchronisation had seen. */
export async function syncChanges(sync: Sync): Promise<void> {
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

function changedAt({ updatedAtMs }: ModelVersion): number {
  return updatedAtMs ?? 0
}
