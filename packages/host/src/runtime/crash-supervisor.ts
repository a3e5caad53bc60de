import { TenonError } from '@tenon/contract'
import type { RuntimeLimits } from './limits.js'

interface CrashRecord {
  digest: string
  crashes: number[]
  restartAfter: number
  /** Until when it is paused. */
  pausedUntil: number
}

/** Counts crashes per plugin of a tenant, and pauses one that does nothing but crash. */
export interface CrashSupervisor {
  /** @throws TenonError PLUGIN_CRASH_LOOP when the plugin is paused. */
  check(key: string, digest: string, plugin: string): void
  /** Resolves when a restart is due again after the last crash. */
  backoff(key: string): Promise<void>
  /** When a restart is due again after the last crash; 0 when there was none. */
  restartAfter(key: string): number
  noticeCrash(key: string, digest: string): { crashes: number; paused: boolean }
  /** A person wants it tried again. */
  reset(key: string): void
  isPaused(key: string): boolean
}

export function createCrashSupervisor(limits: RuntimeLimits): CrashSupervisor {
  const records = new Map<string, CrashRecord>()

  function recent(key: string): number[] {
    const since = Date.now() - limits.crashWindowMs
    return records.get(key)?.crashes.filter((time) => time > since) ?? []
  }

  const isPaused = (key: string) => (records.get(key)?.pausedUntil ?? 0) > Date.now()

  return {
    isPaused,
    check(key, digest, plugin) {
      if (records.get(key)?.digest !== digest) records.delete(key)
      if (!isPaused(key)) return
      throw new TenonError('PLUGIN_CRASH_LOOP', { plugin, crashes: records.get(key)?.crashes.length ?? 0 })
    },
    async backoff(key) {
      const waitMs = (records.get(key)?.restartAfter ?? 0) - Date.now()
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    },
    restartAfter: (key) => Math.max(records.get(key)?.restartAfter ?? 0, records.get(key)?.pausedUntil ?? 0),
    noticeCrash(key, digest) {
      const now = Date.now()
      const crashes = [...recent(key), now]
      const paused = crashes.length >= limits.maxCrashes
      records.set(key, {
        digest,
        crashes,
        restartAfter: now + limits.backoffMs * 2 ** (crashes.length - 1),
        pausedUntil: paused ? now + limits.crashPauseMs : 0,
      })
      return { crashes: crashes.length, paused }
    },
    reset: (key) => void records.delete(key),
  }
}
