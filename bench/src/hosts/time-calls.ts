/** Milliseconds that each of so many calls took, one after the other. */
export async function timeCalls(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let done = 0; done < count; done += 1) {
    const startedAt = performance.now()
    await call()
    times.push(performance.now() - startedAt)
    // Between two calls a server has other things to do; without this, timers of the host would starve.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return times
}
