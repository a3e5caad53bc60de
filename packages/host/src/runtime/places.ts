import { TenonError } from '@tenon/contract'
import { createTenantLines } from './tenant-lines.js'

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
  const lines = createTenantLines(options.maxWaitMs)
  let taken = 0

  return {
    async take(tenantId, plugin) {
      if (taken < options.max) {
        taken++
        return
      }
      const turn = lines.wait(tenantId, () => new TenonError('PLUGIN_OVERLOADED', { plugin }))
      options.evictIdle()
      await turn
    },
    give() {
      taken--
      if (taken < options.max && lines.serveNext()) taken++
    },
    noticeIdle() {
      if (lines.someoneWaits) options.evictIdle()
    },
  }
}
