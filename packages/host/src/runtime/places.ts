import { TenonError } from '@tenon/contract'
import { waitForTurn } from './call-queue.js'

/**
 * The places for resident processes. When all are taken, the least recently used idle process makes room; when none is
 * idle, tenants wait, and are served in turns, so that a tenant with many plugins does not push the others out.
 */
export interface Places {
  /** @throws TenonError PLUGIN_OVERLOADED when no place came free in time. */
  take(tenantId: string, plugin: string): Promise<void>
  give(): void
  /** To be called when a process has become idle: it may have to make room. */
  noticeIdle(): void
}

export function createPlaces(options: { max: number; maxWaitMs: number; evictIdle: () => boolean }): Places {
  const waitingByTenant = new Map<string, (() => void)[]>()
  let taken = 0

  function hasWaiting(): boolean {
    return [...waitingByTenant.values()].some((line) => line.length > 0)
  }

  /** The tenant who was served goes to the end of the round. */
  function serveNext(): void {
    for (const [tenantId, line] of waitingByTenant) {
      const turn = line.shift()
      waitingByTenant.delete(tenantId)
      if (!turn) continue
      if (line.length > 0) waitingByTenant.set(tenantId, line)
      taken++
      return turn()
    }
  }

  return {
    async take(tenantId, plugin) {
      if (taken < options.max) {
        taken++
        return
      }
      const line = waitingByTenant.get(tenantId) ?? []
      waitingByTenant.set(tenantId, line)
      const turn = waitForTurn(
        line,
        options.maxWaitMs,
        undefined,
        () => new TenonError('PLUGIN_OVERLOADED', { plugin }),
      )
      options.evictIdle()
      await turn
    },
    give() {
      taken--
      if (taken < options.max) serveNext()
    },
    noticeIdle() {
      if (hasWaiting()) options.evictIdle()
    },
  }
}
