import { setTimeout as sleep } from 'node:timers/promises'

/** Looks until there is something. @throws Error that says what did not come */
export async function waitFor<Found>(
  what: string,
  look: () => Promise<Found | undefined>,
  { timeoutMs = 15_000, everyMs = 100 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Found> {
  const endsAt = performance.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endsAt) throw new Error(`${what} did not come within ${timeoutMs / 1_000} s`)
    await sleep(everyMs)
  }
}
