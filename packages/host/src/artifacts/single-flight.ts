/** Work that is asked for several times at once is done once (D-9). */
export function createSingleFlight<T>(): { run: (key: string, work: () => Promise<T>) => Promise<T> } {
  const flights = new Map<string, Promise<T>>()
  return {
    run(key, work) {
      const underWay = flights.get(key)
      if (underWay !== undefined) return underWay
      const flight = work().finally(() => flights.delete(key))
      flights.set(key, flight)
      return flight
    },
  }
}

/** At most this many pieces of work at once; the others wait their turn. */
export function createQueue(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= size) await new Promise<void>((turn) => waiting.push(turn))
    else running += 1
    try {
      return await work()
    } finally {
      // A turn is handed on rather than given back, so that nobody overtakes.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
