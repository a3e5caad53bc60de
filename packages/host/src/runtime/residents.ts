import { TenonError, type VerifiedArtifact } from '@tenon/contract'
import type { PluginReport } from '@tenon/contract/wire'
import type { CrashSupervisor } from './crash-supervisor.js'
import type { Places } from './places.js'
import type { RestartPace } from './restart-pace.js'
import type { EndReason, LoadOutcome, ProcessEnd, RunnerProcess } from './runner-process.js'

/** Jobs have a process of their own, so that a slow sync and a page's request cannot end each other. */
export type Lane = 'page' | 'job'

/** Exact code, for one tenant. */
export interface PluginTarget {
  tenantId: string
  pluginKey: string
  /** A process is never handed on to a later installation. Default: 0. */
  installationId?: number
  artifact: VerifiedArtifact
  /** What the plugin finds in `process.env`, for as long as its process lives. Default: nothing. */
  environment?: Readonly<Record<string, string>>
  /** What it may, as one text: a process that was started with another is not called any more. Default: empty. */
  grants?: string
}

/** What a process belongs to, for good. */
export interface Identity {
  readonly tenantId: string
  readonly pluginKey: string
  readonly installationId: number
  readonly digest: string
  readonly lane: Lane
  /** Of the target that it was started for. */
  readonly grants: string
}

/** A process that holds one plugin for one tenant. It is never given to another. */
export interface Resident extends Identity {
  readonly process: RunnerProcess
  readonly report: PluginReport
  readonly codeCached: boolean
  readonly startedAt: number
  lastUsedAt: number
  /** Callers that hold it, from before their call begins until after it ended. */
  claims: number
  /** Why it takes no further calls, and ends when the ones in flight are done; undefined as long as it does. */
  retired: EndReason | undefined
}

/** Which processes: those for which every given field fits. */
export type Match = Partial<Identity>

export interface Residents {
  /**
   * The process for this target; callers that come while it starts share the start. Each caller holds a claim, which
   * {@link Residents.release} gives back.
   * @throws TenonError CALL_CANCELLED when `signal` fires; the start goes on for the others, and for who comes next.
   */
  obtain(target: PluginTarget, lane: Lane, signal?: AbortSignal): Promise<Resident>
  /** To be called once after each {@link Residents.obtain}; ends a retired process that has nothing left to do. */
  release(resident: Resident): void
  retire(resident: Resident, why: EndReason): void
  /** Ends the least recently used process that has no call in flight. */
  evictIdle(): boolean
  /** Ends what runs, and what is on its way to that: nobody gets a process that was asked for before. */
  stop(match: Match, why: EndReason): Promise<void>
  all(): Resident[]
  /** Those that nobody holds. */
  idle(): Resident[]
}

/** Of a process that was started with other permissions. */
export const grantsChanged = { kind: 'changed', text: 'it may do something else now' } as const

/** Crashes, as opposed to ends that the host decided on for reasons of its own. */
export const faults: ReadonlySet<string> = new Set(['memory', 'violation', 'unresponsive'])

/** Ends that nobody can bring about by what a plugin does. */
const goodEnds: ReadonlySet<string> = new Set(['idle', 'changed', 'stopped', 'host-stop'])

export function createResidents(options: {
  places: () => Places
  supervisor: Pick<CrashSupervisor, 'check' | 'backoff' | 'noticeCrash'>
  restarts: RestartPace
  takeBlank: (plugin: string) => Promise<RunnerProcess>
  load: (process: RunnerProcess, target: PluginTarget) => Promise<LoadOutcome>
  onEnd: (identity: Identity, end: ProcessEnd, crashed: boolean) => void
}): Residents {
  const { supervisor, restarts } = options
  const current = new Map<string, Registration>()
  /** The least recently used first: the clock may stand still between two uses, or go back. */
  const living = new Set<Resident>()

  async function start(registration: Starting, target: PluginTarget): Promise<Resident> {
    const { identity } = registration
    const { tenantId, pluginKey } = identity
    const assertWanted = () => {
      if (registration.stopped !== undefined) throw new TenonError('PLUGIN_RESTARTED', { plugin: pluginKey })
    }
    await supervisor.backoff(identity)
    await restarts.turn(identity)
    assertWanted()
    await options.places().take(tenantId, pluginKey)
    try {
      assertWanted()
      const process = await options.takeBlank(pluginKey)
      void process.ended.then((end) => noticeEnd(identity, end))
      registration.process = process
      if (registration.stopped !== undefined) process.kill(registration.stopped)
      assertWanted()
      const { report, codeCached = false } = await loadOrKill(process, target).finally(assertWanted)
      const now = Date.now()
      const resident = {
        ...identity,
        process,
        report,
        codeCached,
        startedAt: now,
        lastUsedAt: now,
        claims: 1,
        retired: undefined,
      }
      living.add(resident)
      void process.ended.then(() => forget(resident))
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
    process.kill({ kind: 'start', text: 'its plugin could not be loaded' })
    throw loadError(plugin, outcome)
  }

  function noticeEnd(identity: Identity, end: ProcessEnd): void {
    const crashed = end.reason === undefined || faults.has(end.reason.kind)
    if (crashed) supervisor.noticeCrash(identity, identity.digest)
    if (!end.reason || !goodEnds.has(end.reason.kind)) restarts.noticeBadEnd(identity)
    options.onEnd(identity, end, crashed)
  }

  function register(identity: Identity, target: PluginTarget): Promise<Resident> {
    const key = keyOf(identity)
    const starting: Starting = { identity }
    const registration: Registration = Object.assign(starting, { started: start(starting, target) })
    current.set(key, registration)
    registration.started.then(
      (resident) => (registration.resident = resident),
      () => current.get(key) === registration && current.delete(key),
    )
    return registration.started
  }

  function unregister(resident: Resident): void {
    const key = keyOf(resident)
    if (current.get(key)?.resident === resident) current.delete(key)
  }

  function forget(resident: Resident): void {
    living.delete(resident)
    unregister(resident)
    options.places().give()
  }

  function retire(resident: Resident, why: EndReason): void {
    resident.retired = why
    unregister(resident)
    if (resident.claims === 0) resident.process.kill(why)
  }

  async function claim(target: PluginTarget, lane: Lane): Promise<Resident> {
    const { tenantId, pluginKey, installationId = 0, artifact, grants = '' } = target
    supervisor.check(target, artifact.digest)
    const identity: Identity = { tenantId, pluginKey, installationId, digest: artifact.digest, lane, grants }
    const known = current.get(keyOf(identity))
    if (!known) return register(identity, target)
    const resident = await known.started
    if (resident.process.alive && !resident.retired && resident.grants === identity.grants) {
      resident.claims++
      return resident
    }
    if (resident.process.alive && !resident.retired) retire(resident, grantsChanged)
    else unregister(resident)
    return claim(target, lane)
  }

  function obtain(target: PluginTarget, lane: Lane, signal?: AbortSignal): Promise<Resident> {
    const claimed = claim(target, lane)
    if (!signal) return claimed
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(new TenonError('CALL_CANCELLED'))
        claimed.then(release, () => undefined)
      }
      if (signal.aborted) return leave()
      signal.addEventListener('abort', leave, { once: true })
      claimed.finally(() => signal.removeEventListener('abort', leave)).then(resolve, reject)
    })
  }

  function release(resident: Resident): void {
    resident.lastUsedAt = Date.now()
    if (living.delete(resident)) living.add(resident)
    resident.claims--
    if (!isIdle(resident)) return
    if (resident.retired) resident.process.kill(resident.retired)
    else options.places().noticeIdle()
  }

  const isIdle = ({ process, claims }: Resident) => process.alive && claims === 0

  return {
    obtain,
    release,
    retire,
    evictIdle() {
      const oldest = [...living].find(isIdle)
      oldest?.process.kill({ kind: 'idle', text: 'it made room for another plugin' })
      return oldest !== undefined
    },
    async stop(match, why) {
      const stopped = [...living].filter((resident) => fits(resident, match)).map(({ process }) => process)
      for (const [key, registration] of current) {
        if (registration.resident || !fits(registration.identity, match)) continue
        registration.stopped = why
        current.delete(key)
        if (registration.process) stopped.push(registration.process)
      }
      for (const process of stopped) process.kill(why)
      await Promise.all(stopped.map(({ ended }) => ended))
    },
    all: () => [...living],
    idle: () => [...living].filter(isIdle),
  }
}

/** A process on its way. */
interface Starting {
  identity: Identity
  /** From when there is one, and its plugin is being loaded. */
  process?: RunnerProcess
  /** Why nobody wants it any more. */
  stopped?: EndReason
}

/** A process that is there, or on its way. */
interface Registration extends Starting {
  started: Promise<Resident>
  resident?: Resident
}

const keyOf = ({ tenantId, pluginKey, installationId, digest, lane }: Identity) =>
  [tenantId, pluginKey, installationId, digest, lane].join(' ')

function fits(identity: Identity, match: Match): boolean {
  return Object.entries(match).every(([field, value]) => identity[field as keyof Match] === value)
}

/** Why a load failed, in the words of the error table. */
export function loadError(plugin: string, outcome: Extract<LoadOutcome, { failure: string }>): TenonError {
  const { failure, error } = outcome
  if (failure === 'PLUGIN_EXPORT_MISSING') return new TenonError(failure, { plugin, name: 'install' })
  return new TenonError(failure, { plugin, reason: `${error.name}: ${error.message}` }, { cause: error })
}
