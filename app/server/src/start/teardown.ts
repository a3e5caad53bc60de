export interface Teardown {
  /** Remembers how to undo a step of the start, right where it was done. */
  add(undo: () => Promise<unknown>): void
  /** Undoes all steps, the last one first. One that fails does not keep the others from running. */
  run(): Promise<void>
}

export function createTeardown(): Teardown {
  const undos: (() => Promise<unknown>)[] = []
  return {
    add: (undo) => void undos.push(undo),
    async run() {
      const failures: unknown[] = []
      for (let undo = undos.pop(); undo; undo = undos.pop())
        await undo().catch((error: unknown) => failures.push(error))
      if (failures.length > 0) throw new AggregateError(failures, 'The server did not stop cleanly.')
    },
  }
}
