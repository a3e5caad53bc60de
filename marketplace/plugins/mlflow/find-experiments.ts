import type { MlflowServer } from './mlflow-server'
import { completing } from './omissions'
import { type Experiment, type ListedExperiment, readExperiment, readExperiments } from './registry'

export type ExperimentFinder = ReturnType<typeof experimentFinder>

/** Experiments of runs that have changed: a few by their ids, many as a list. */
export function experimentFinder(server: MlflowServer) {
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
