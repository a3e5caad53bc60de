import { waitForTurn } from './call-queue.js'

/** Lines of those that wait, one for each tenant: tenants are served in turns, however many wait for one of them. */
export interface TenantLines {
  /** @throws what `tooLong` makes, after the longest wait. */
  wait(tenantId: string, tooLong: () => Error): Promise<void>
  /** Serves the first of the tenant whose turn it is. False when nobody waits. */
  serveNext(): boolean
  readonly someoneWaits: boolean
}

export function createTenantLines(maxWaitMs: number): TenantLines {
  const lines = new Map<string, (() => void)[]>()

  return {
    wait(tenantId, tooLong) {
      const line = lines.get(tenantId) ?? []
      lines.set(tenantId, line)
      return waitForTurn(line, maxWaitMs, undefined, tooLong)
    },
    serveNext() {
      for (const [tenantId, line] of lines) {
        const turn = line.shift()
        lines.delete(tenantId)
        if (!turn) continue
        // Who was served goes to the end of the round.
        if (line.length > 0) lines.set(tenantId, line)
        turn()
        return true
      }
      return false
    },
    get someoneWaits() {
      return [...lines.values()].some((line) => line.length > 0)
    },
  }
}
