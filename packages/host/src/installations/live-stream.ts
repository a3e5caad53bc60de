import { TenonError, type PluginInstallationStatus, type RoleName, type RunJson } from '@tenon/contract'
import type { Jobs } from '../jobs/jobs.js'
import type { TenantScope } from '../migrations/index.js'
import type { Notifications } from '../notifications/index.js'
import type { InstallationStore } from './installation-store.js'
import { toShownRun } from './shown-run.js'

/** What an organization's stream carries; the id goes into `Last-Event-ID` when the reader connects again. */
export type LiveEvent =
  | { id: number; event: 'run'; data: RunJson }
  | { id: number; event: 'installations'; data: LiveInstallation[] }
  /** Says no more than that: who may see which request is for the list to decide. */
  | { id: number; event: 'requests'; data: Record<string, never> }

export interface LiveInstallation {
  id: number
  pluginKey: string
  status: PluginInstallationStatus
  version: string | null
}

export interface LiveStream {
  /**
   * Runs as they change, the installations after each change, and that requests have changed, on whatever server; an
   * empty list now and then.
   * Begins with what changed since the event `afterId`.
   * @throws TenonError STREAM_LIMIT
   */
  open(
    tenant: TenantScope,
    options: { afterId?: number | undefined; role: RoleName },
    signal: AbortSignal,
  ): AsyncGenerator<LiveEvent[], void, undefined>
}

interface LiveStreamOptions {
  jobs: Pick<Jobs, 'watch' | 'changedSince'>
  store: Pick<InstallationStore, 'list' | 'findByKey'>
  notifications: Pick<Notifications, 'subscribe'>
  /** The time as the database has it: runs carry its times, and the clocks of servers differ. */
  databaseNow: () => Promise<Date>
  limits?: Partial<LiveLimits>
}

interface LiveLimits {
  /** Streams of one organization on this server; each is a connection and a question to the database at each change. */
  perOrganization: number
  /** Changes that come within so many milliseconds are told together. */
  gatherMs: number
  /** Without changes, the stream shows so often that it is still there, in milliseconds. */
  quietMs: number
  /** Then the reader connects again, and who may no longer read does not, in milliseconds. */
  longestMs: number
}

export const liveLimits: LiveLimits = { perOrganization: 50, gatherMs: 200, quietMs: 15_000, longestMs: 10 * 60_000 }
/** A transaction that began earlier may commit a change later; for this long a stream looks back. */
const lateMs = 5_000
const maxRuns = 200

/** Live changes of an organization. Each carries the whole state, so one that is told twice does no harm. */
export function createLiveStream({
  jobs,
  store,
  notifications,
  databaseNow,
  ...options
}: LiveStreamOptions): LiveStream {
  const limits = { ...liveLimits, ...options.limits }
  const streams = new Map<number, number>()
  const listenToInstallations = createListeners(notifications, 'tenon_installations')
  const listenToRequests = createListeners(notifications, 'tenon_plugin_requests')

  async function* follow(
    tenant: TenantScope,
    { afterId, role }: Parameters<LiveStream['open']>[1],
    signal: AbortSignal,
  ): AsyncGenerator<LiveEvent[], void, undefined> {
    const { organizationId, schema } = tenant
    // Whoever begins without an id has just read the list of requests.
    const changed: Changed = { runs: true, installations: true, requests: afterId !== undefined }
    let wakeUp: (() => void) | undefined
    const notice = (what: keyof Changed) => {
      changed[what] = true
      wakeUp?.()
    }
    const stops = [
      jobs.watch(organizationId, () => notice('runs')),
      listenToInstallations(schema, () => notice('installations')),
      listenToRequests(String(organizationId), () => notice('requests')),
    ]
    const endsAt = Date.now() + limits.longestMs
    const told = new Map<string, number>()
    try {
      const aheadMs = (await databaseNow()).getTime() - Date.now()
      let since = new Date((afterId ?? Date.now() + aheadMs) - lateMs)
      // Without an id the reader has just read the lists; what happened before is not news.
      const known = afterId === undefined ? await jobs.changedSince(organizationId, since, maxRuns) : []
      for (const run of known) told.set(run.id, run.updatedAt.getTime())
      while (!signal.aborted && Date.now() < endsAt) {
        const now = Date.now() + aheadMs
        const events: LiveEvent[] = []
        if (changed.installations) {
          changed.installations = false
          events.push({ id: now, event: 'installations', data: (await store.list(tenant)).map(toLive) })
        }
        if (changed.requests) {
          changed.requests = false
          events.push({ id: now, event: 'requests', data: {} })
        }
        if (changed.runs) {
          changed.runs = false
          for (const run of await jobs.changedSince(organizationId, since, maxRuns)) {
            const at = run.updatedAt.getTime()
            if (told.get(run.id) === at) continue
            told.set(run.id, at)
            const shown = toShownRun(run, await store.findByKey(tenant, run.pluginKey), role)
            events.push({ id: at, event: 'run', data: shown })
          }
          since = new Date(now - lateMs)
          for (const [id, at] of told) if (at < since.getTime() - lateMs) told.delete(id)
        }
        yield events
        await pause(signal, limits.quietMs, (wake) => (wakeUp = wake), changed)
        // More is on its way when something was heard.
        if (hasAny(changed)) await pause(signal, limits.gatherMs, () => undefined)
      }
    } finally {
      stops.forEach((stop) => stop())
      const left = (streams.get(organizationId) ?? 1) - 1
      if (left > 0) streams.set(organizationId, left)
      else streams.delete(organizationId)
    }
  }

  return {
    open(tenant, options, signal) {
      const open = streams.get(tenant.organizationId) ?? 0
      const limit = limits.perOrganization
      if (open >= limit) throw new TenonError('STREAM_LIMIT', { limit })
      streams.set(tenant.organizationId, open + 1)
      return follow(tenant, options, signal)
    },
  }
}

/** What has to be told. */
interface Changed {
  runs: boolean
  installations: boolean
  requests: boolean
}

const hasAny = (changed: Changed): boolean => Object.values(changed).includes(true)

/** Hands on what a channel says to those who listen for its first word. */
function createListeners(notifications: Pick<Notifications, 'subscribe'>, channel: string) {
  const listeners = new Map<string, Set<() => void>>()
  notifications.subscribe(channel, {
    heard: (payload) => listeners.get(payload.split(' ')[0] ?? '')?.forEach((changed) => changed()),
    missed: () => listeners.forEach((set) => set.forEach((changed) => changed())),
  })
  return (word: string, changed: () => void): (() => void) => {
    const set = listeners.get(word) ?? new Set()
    listeners.set(word, set.add(changed))
    return () => {
      set.delete(changed)
      if (set.size === 0) listeners.delete(word)
    }
  }
}

function pause(signal: AbortSignal, ms: number, onWake: (wake: () => void) => void, changed?: Changed): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener('abort', wake, { once: true })
    onWake(wake)
    if (signal.aborted || (changed && hasAny(changed))) wake()
  })
}

const toLive = ({ id, pluginKey, status, version }: LiveInstallation): LiveInstallation => ({
  id,
  pluginKey,
  status,
  version,
})
