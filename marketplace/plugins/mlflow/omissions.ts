import { mapParallel, PARALLEL_QUESTIONS } from './map-parallel'

/** More than these, taken together, are looked for in the list, which is read once more. */
const FEW_OMITTED = 20
/** Questions one by one, for a server that never lists some of what it names elsewhere. */
const MOST_ASKED = 100

/** What was read of a list. */
export interface Known {
  has(name: string): boolean
  /** Reads the list again, and remembers what is in it. */
  readAll(): Promise<unknown>
  /** Asks about this one, and remembers it if it is there. */
  readOne(name: string): Promise<void>
}

/**
 * Completes a list in which some have been passed over: it is cut into pages by offset, so that a row slips onto a page
 * already read when one on such a page is deleted.
 */
export function completing({ has, readAll, readOne }: Known): (names: Iterable<string>) => Promise<void> {
  const gone = new Set<string>()
  let isReadAgain = false
  let asked = 0
  return async (names) => {
    const wanted = new Set(names)
    const missing = (): string[] => [...wanted].filter((name) => !has(name) && !gone.has(name))
    if (!isReadAgain && asked + missing().length > FEW_OMITTED) {
      isReadAgain = true
      await readAll()
    }
    const some = missing().slice(0, MOST_ASKED - asked)
    asked += some.length
    await mapParallel(some, PARALLEL_QUESTIONS, async (name) => {
      await readOne(name)
      if (!has(name)) gone.add(name)
    })
  }
}
