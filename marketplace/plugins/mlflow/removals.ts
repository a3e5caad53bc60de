import type { ModelsFrom } from './configuration'
import type { ModelKey, ModelRecords, UnmetRecords } from './model-records'

/** So many are asked about one by one, which is exact; more than these are looked for in everything, read again. */
const FEW_UNMET = 100
const MOST_READINGS = 3

interface Removals {
  records: ModelRecords
  modelsFrom: ModelsFrom
  /** Reads everything once more. */
  readAgain(): Promise<void>
  /** Stores those of these that the server still has. */
  storePresent(some: { versions: ModelKey[]; runs: ModelKey[] }): Promise<void>
}

/**
 * Marks what is gone; returns how many. That a full synchronisation has not met a record proves little: whoever deletes
 * something meanwhile lets another slip onto a page already read. So the server is asked before. Of very many that it
 * has not shown, none is marked as long as each reading finds some of them: the next full synchronisation will see.
 */
export async function markRemoved({ records, modelsFrom, readAgain, storePresent }: Removals): Promise<number> {
  const from = { versions: modelsFrom !== 'runs', runs: modelsFrom !== 'registry' }
  /** Those that still count as models, which the server may have; the others are gone whatever it has. */
  const doubtfulOf = ({ versions, runs }: UnmetRecords): UnmetRecords => {
    return { versions: from.versions ? versions : [], runs: from.runs ? runs : [] }
  }
  let unmet = await records.findUnmet()
  let isSettled = false
  for (let readings = 1; !isSettled && countOf(doubtfulOf(unmet)) > FEW_UNMET; readings += 1) {
    if (readings === MOST_READINGS) {
      return records.markRemoved([...(from.versions ? [] : unmet.versions), ...(from.runs ? [] : unmet.runs)])
    }
    const before = countOf(doubtfulOf(unmet))
    await readAgain()
    unmet = await records.findUnmet()
    isSettled = countOf(doubtfulOf(unmet)) === before
  }
  const doubtful = doubtfulOf(unmet)
  if (!isSettled && countOf(doubtful) > 0) {
    const [versions, runs] = [await records.keysOf(doubtful.versions), await records.keysOf(doubtful.runs)]
    await storePresent({ versions, runs })
    unmet = await records.findUnmet()
  }
  return records.markRemoved([...unmet.versions, ...unmet.runs])
}

function countOf({ versions, runs }: UnmetRecords): number {
  return versions.length + runs.length
}
