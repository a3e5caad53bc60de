import { factsOf } from './model-facts'
import type { ModelFacts } from './model-records'
import { type ModelVersion, readExperiment, readModel, readRun } from './registry'
import type { Sync } from './sync'

/** Asks for what belongs to a version. */
export function describing({ server, counts }: Sync): (version: ModelVersion) => Promise<ModelFacts> {
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
