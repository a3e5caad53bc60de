import { TenonError, type VerifiedArtifact } from '@tenon/contract'
import type { PluginReport } from '@tenon/contract/wire'
import type { CrashSupervisor } from './crash-supervisor.js'
import type { RuntimeLimits } from './limits.js'
import type { Places } from './places.js'
import { type LoadOutcome, type ProcessEnd, type RunnerProcess } from './runner-process.js'

/** Jobs have a process of their own, so that a slow sync and a page's request cannot end each other. */
export type Lane = 'page' | 'job'

/** Exact code, for one tenant. */
export interface PluginTarget {
  tenantId: string
  pluginKey: string
  artifact: VerifiedArtifact
  /** V8's code cache for exactly this code, as {@link Inspection} gave it. */
  codeCache?: Buffer | undefined
}

/** A process that holds one plugin for one tenant. It is never given to another. */
export interface Resident {
  readonly tenantId: string
  readonly pluginKey: string
  readonly digest: string
  readonly lane: Lane
  readonly process: RunnerProcess
  readonly report: PluginReport
  readonly startedAt: number
  lastUsedAt: number
  /** Callers that hold it, from before their call begins until after it ended. */
  claims: number
  /** Takes no further calls; ends when the ones in flight are done. */
  retired: boolean
}

/** Which processes: those for which every given field fits. */
export type Match = Partial<Pick<Resident, 'tenantId' | 'pluginKey' | 'digest' | 'lane'>>

export interface Residents {
  /**
   * The process for this target; callers that come while it starts share the start. Each caller holds a claim, which
   * {@link Residents.release} gives back.
   */
  obtain(target: PluginTarget, lane: Lane): Promise<Resident>
  /** To be called once after each {@link Residents.obtain}; ends a retired process that has nothing left to do. */
  release(resident: Resident): void
  retire(resident: Resident): void
  /** Ends the least recently used process that has no call in flight. */
  evictIdle(): boolean
  stop(match: Match, text: string): Promise<void>
  all(): Resident[]
  /** Those that nobody holds. */
  idle(): Resident[]
}

export const supervisorKey = (tenantId: string, pluginKey: string) => `${tenantId} ${pluginKey}`

/** Crashes, as opposed to ends that the host decided on for reasons of its own. */
const faults = new Set(['memory', 'violation', 'unresponsive'])

export function createResidents(options: {
  limits: RuntimeLimits
  places: () => Places
  supervisor: CrashSupervisor
  takeBlank: () => Promise<RunnerProcess>
  load: (process: RunnerProcess, target: PluginTarget) => Promise<LoadOutcome>
  onEnd: (
    resident: Pick<Resident, 'tenantId' | 'pluginKey' | 'digest' | 'lane'>,
    end: ProcessEnd,
    crashed: boolean,
  ) => void
}): Residents {
  const { supervisor } = options
  const current = new Map<string, Promise<Resident>>()
  const living = new Set<Resident>()

  const keyOf = ({ tenantId, pluginKey, artifact }: PluginTarget, lane: Lane) =>
    [tenantId, pluginKey, artifact.digest, lane].join(' ')

  async function start(target: PluginTarget, lane: Lane, key: string): Promise<Resident> {
    const { tenantId, pluginKey, artifact } = target
    await supervisor.backoff(supervisorKey(tenantId, pluginKey))
    await options.places().take(tenantId, pluginKey)
    const identity = { tenantId, pluginKey, digest: artifact.digest, lane }
    try {
      const process = await options.takeBlank()
      void process.ended.then((end) => noticeEnd(identity, end))
      const outcome = await loadOrKill(process, target)
      const now = Date.now()
      const resident = {
        ...identity,
        process,
        report: outcome.report,
        startedAt: now,
        lastUsedAt: now,
        claims: 1,
        retired: false,
      }
      living.add(resident)
      void process.ended.then(() => forget(resident, key))
      return resident
    } catch (error) {
      options.places().give()
      throw error
    }
  }

  async function loadOrKill(process: RunnerProcess, target: PluginTarget) {
    const plugin = target.pluginKey
    const outcome = await options.load(process, target).catch((error: Error) => {
      throw new TenonError('PLUGIN_LOAD_FAILED', { plugin, reason: error.message })
    })
    if ('report' in outcome) return outcome
    process.kill({ kind: 'stopped', text: 'its plugin could not be loaded' })
    throw loadError(plugin, outcome)
  }

  function noticeEnd(identity: Pick<Resident, 'tenantId' | 'pluginKey' | 'digest' | 'lane'>, end: ProcessEnd): void {
    const crashed = end.reason === undefined || faults.has(end.reason.kind)
    if (crashed) supervisor.noticeCrash(supervisorKey(identity.tenantId, identity.pluginKey), identity.digest)
    options.onEnd(identity, end, crashed)
  }

  function forget(resident: Resident, key: string): void {
    living.delete(resident)
    const registered = current.get(key)
    void registered?.then(
      (other) => other === resident && current.get(key) === registered && current.delete(key),
      () => undefined,
    )
    options.places().give()
  }

  function retire(resident: Resident): void {
    resident.retired = true
    for (const [key, starting] of current) {
      void starting.then(
        (other) => other === resident && current.get(key) === starting && current.delete(key),
        () => undefined,
      )
    }
    if (resident.claims === 0) resident.process.kill({ kind: 'recycled', text: 'it was replaced' })
  }

  const isIdle = ({ process, claims }: Resident) => process.alive && claims === 0

  return {
    async obtain(target, lane) {
      const { tenantId, pluginKey, artifact } = target
      supervisor.check(supervisorKey(tenantId, pluginKey), artifact.digest, pluginKey)
      const key = keyOf(target, lane)
      const known = current.get(key)
      if (known) {
        const resident = await known
        if (resident.process.alive && !resident.retired) {
          resident.claims++
          return resident
        }
        if (current.get(key) === known) current.delete(key)
      }
      if (current.has(key)) return this.obtain(target, lane)
      const starting = start(target, lane, key)
      current.set(key, starting)
      starting.catch(() => current.get(key) === starting && current.delete(key))
      return starting
    },
    release(resident) {
      resident.lastUsedAt = Date.now()
      resident.claims--
      if (!isIdle(resident)) return
      if (resident.retired) resident.process.kill({ kind: 'recycled', text: 'it was replaced' })
      else options.places().noticeIdle()
    },
    retire,
    evictIdle() {
      const idle = [...living].filter(isIdle).sort((a, b) => a.lastUsedAt - b.lastUsedAt)
      idle[0]?.process.kill({ kind: 'idle', text: 'it made room for another plugin' })
      return idle.length > 0
    },
    async stop(match, text) {
      const fits = (resident: Resident) =>
        Object.entries(match).every(([field, value]) => resident[field as keyof Match] === value)
      await Promise.allSettled(current.values())
      const matching = [...living].filter(fits)
      for (const { process } of matching) process.kill({ kind: 'stopped', text })
      await Promise.all(matching.map(({ process }) => process.ended))
    },
    all: () => [...living],
    idle: () => [...living].filter(isIdle),
  }
}

/** Why a load failed, in the words of the error table. */
export function loadError(plugin: string, outcome: Extract<LoadOutcome, { failure: string }>): TenonError {
  const { failure, error } = outcome
  if (failure === 'PLUGIN_EXPORT_MISSING') return new TenonError(failure, { plugin, name: 'install' })
  return new TenonError(failure, { plugin, reason: `${error.name}: ${error.message}` }, { cause: error })
}
