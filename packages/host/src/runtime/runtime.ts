import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isTenonError, TenonError } from '@tenon/contract'
import { createCommonTime, UnsendableValue } from '@tenon/contract/wire'
import type { ConnectRules } from '../egress/connect.js'
import { createLookupTurns } from '../egress/lookup-turns.js'
import { megabytes } from '../limit-table.js'
import { runUnderDeadline } from './call-deadline.js'
import { overrun, resultOf, unsendableError, valueOf } from './call-outcome.js'
import { createCallQueue } from './call-queue.js'
import { createCrashSupervisor, type CrashLedger } from './crash-supervisor.js'
import { createEgressMeter, type NetworkLedger, noNetworkAccount } from './egress-meter.js'
import { ignoreInspectorSignal } from './inspector-signal.js'
import { type Confinement, launchRunner, type Tier } from './launch.js'
import { createLauncher } from './launcher.js'
import type { KernelAttempt } from './kernel-probe.js'
import { resolveLimits, type RuntimeLimits } from './limits.js'
import { residentBytes } from './memory-watch.js'
import type { RouteAnswer } from './message-schemas.js'
import { createPidFiles, noPidFiles } from './pid-files.js'
import { createPlaces, type Places } from './places.js'
import { createRestartPace } from './restart-pace.js'
import { isSafe, type PluginCall, type RouteInvocation, deadlineOf, processCall } from './plugin-call.js'
import { createPluginLoading, type Inspection } from './plugin-loading.js'
import { createHealthBook, type PluginHealth } from './plugin-health.js'
import { createResidents, type Identity, type Lane, type Match, type PluginTarget, type Resident } from './residents.js'
import { supervisorKey } from './supervisor-key.js'
import { createRunnerProcess, describeEnd, type LogLine, type EndReason, type RunnerProcess } from './runner-process.js'
import { attackConfinement, attackKernel, probeKernel, probeRunner, type SelfTest } from './self-test.js'
import { chooseTier, flawOfSeal, type TierNotTaken, tierNumber } from './tiers.js'
import { createWarmPool } from './warm-pool.js'

/** The part of a pino logger that the runtime uses. */
export interface RuntimeLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface RuntimeOptions extends Pick<ConnectRules, 'lookup' | 'dial' | 'hostMap'> {
  log: RuntimeLog
  limits?: Partial<RuntimeLimits>
  /** Certificate authorities (PEM) that plugins' TLS trusts besides the well-known ones. */
  extraCa?: readonly string[]
  /** Where to keep note of children, so that a crashed host's are ended at the next start. */
  pidDirectory?: string
  /** Where to keep V8's code caches, so that first calls are quick after a restart, too. Default: in memory only. */
  codeCacheDirectory?: string
  /** The strongest tier that may be taken. Default: the strongest that holds on this machine. */
  maxTier?: Tier
  /** The weakest tier that a plugin may run under. Default: T1. */
  minTier?: Tier
  /** Lines that a plugin printed outside of any call. */
  onPluginLog?: (plugin: PluginOfProcess, line: LogLine) => void
  /** Takes the secrets of a plugin out of what its process printed with its last words. Default: all of it stays. */
  redact?: (plugin: { tenantId: string; pluginKey: string }, text: string) => string
  /** Where the servers share what plugins did on the network. Default: each counts for itself. */
  networkLedger?: NetworkLedger
  /** Where the servers share what crashed. Default: each counts for itself, and forgets when it ends. */
  crashLedger?: CrashLedger
  /** A process of a plugin came to its end. */
  onProcessEnd?: (plugin: PluginOfProcess & { digest: string }, end: EndedProcess) => void
}

/** Which plugin of a tenant runs in a process, and which installation of it. */
export type PluginOfProcess = Pick<Identity, 'tenantId' | 'pluginKey' | 'installationId'>

/** How a process of a plugin came to its end. */
export interface EndedProcess {
  crashed: boolean
  /** `crash`: by itself, or by the kernel. */
  reason: EndReason['kind'] | 'crash'
  /** One line for a person. */
  cause: string
  exitCode: number | null
  signal: NodeJS.Signals | null
}

/** Why a process is ended that did nothing wrong; `text` is one line for a person. */
export type StopReason = EndReason & { kind: 'stopped' | 'changed' }

export interface ProcessStatus {
  tenantId: string
  pluginKey: string
  installationId: number
  digest: string
  lane: Lane
  /** What the plugin was granted when the process was started, as the caller said. */
  grants: string
  pid: number
  callsInFlight: number
  rssBytes: number
  startedAt: Date
  lastUsedAt: Date
  connections: number
  bytesIn: number
  bytesOut: number
  /** For how long the host has not read from it, because its messages had had their share of time. */
  restedMs: number
  retired: boolean
  /** Whether its code did not have to be compiled, because V8 had done so before. */
  codeCached: boolean
}

export interface RuntimeStatus {
  /** What plugins run under; undefined while it is being found out. */
  tier: Tier | undefined
  /** Stronger tiers that plugins do not run under here, and why. */
  notTaken: readonly TierNotTaken[]
  warm: number
  queued: number
  processes: ProcessStatus[]
}

export interface Runtime {
  /**
   * Runs one call in the process of this tenant and plugin, starting it when needed.
   * @throws PluginCallError for what the plugin threw; TenonError PLUGIN_EXPORT_MISSING, ROUTE_NOT_FOUND,
   * PLUGIN_RESULT_INVALID, RESULT_TOO_LARGE, BODY_TOO_LARGE, VALIDATION_FAILED, CALL_TIMEOUT, CALL_CANCELLED, PLUGIN_EXITED, PLUGIN_KILLED,
   * PLUGIN_RESTARTED, PLUGIN_CRASH_LOOP, PLUGIN_OVERLOADED, SHUTTING_DOWN, and those of {@link Runtime.inspect}.
   */
  call(target: PluginTarget, call: PluginCall<RouteInvocation>): Promise<RouteAnswer>
  call(target: PluginTarget, call: PluginCall): Promise<unknown>
  /**
   * Loads a plugin in a process of no tenant, says what it is, and ends the process. What is known of a digest is not
   * looked at again.
   * @throws TenonError PLUGIN_PARSE_FAILED, PLUGIN_LOAD_FAILED, PLUGIN_EXPORT_MISSING.
   */
  inspect(target: Pick<PluginTarget, 'pluginKey' | 'artifact'>): Promise<Inspection>
  /** Ends the processes of one plugin of one tenant; calls in flight fail with PLUGIN_RESTARTED. */
  stopPlugin(tenantId: string, pluginKey: string, why?: StopReason): Promise<void>
  /** Ends every process that fits: a tenant that leaves, a digest that an operator blocks. */
  stopMatching(match: Match, why: StopReason): Promise<void>
  /** Lets a plugin that is paused for crashing run again, on every server. */
  reset(tenantId: string, pluginKey: string): Promise<void>
  /** Another server counted a crash of this plugin, or lets it run again. */
  heardOfCrashes(tenantId: string, pluginKey: string): Promise<void>
  /** Asks what all servers know of crashes. Never throws: what cannot be asked is asked again later. */
  refreshCrashes(): Promise<void>
  /** How a plugin of a tenant fares on this server, since the server started. */
  healthOf(tenantId: string, pluginKey: string): PluginHealth
  /** Asks the other servers, so that `healthOf` says what a plugin did on the network through all of them. */
  refreshNetworkUse(tenantId: string, pluginKey: string): Promise<void>
  /**
   * Attacks a blank runner from inside, and the kernel from where a runner is; see {@link SelfTest}.
   * @throws TenonError NOT_READY when the tier is weaker than `minTier`.
   */
  selfTest(): Promise<SelfTest>
  /** Every attempt of that on the kernel, with what came of it. Empty under T1, where there is nothing to hold it. */
  attackKernel(): Promise<KernelAttempt[]>
  status(): RuntimeStatus
  /** Takes no further calls, waits up to `drainMs` (10 s) for those in flight, and ends every process. */
  stop(options?: { drainMs?: number }): Promise<void>
}

export function createRuntime(options: RuntimeOptions): Runtime {
  ignoreInspectorSignal()
  const { log, redact = (_plugin, text) => text } = options
  const limits = resolveLimits(options.limits)
  const directory = mkdtempSync(path.join(os.tmpdir(), 'tenon-empty-'))
  const launcher = createLauncher()
  const pidFiles = options.pidDirectory ? createPidFiles(options.pidDirectory) : noPidFiles
  const supervisor = createCrashSupervisor({ limits, ledger: options.crashLedger, log })
  const health = createHealthBook()
  const lookUp = createLookupTurns(options.lookup ?? launcher.lookUp, limits.connectMs)
  const egress = createEgressMeter({ limits, ledger: options.networkLedger, log })
  const queue = createCallQueue({
    maxRunning: limits.maxCallsPerPlugin,
    maxWaiting: limits.maxQueuedPerPlugin,
    maxWaitMs: limits.queueWaitMs,
  })
  const messageTime = createCommonTime(limits.allMessageMsPerSecond)
  const processes = new Set<RunnerProcess>()
  const owners = new WeakMap<RunnerProcess, PluginOfProcess>()
  const rss = new Map<number, number>()
  const inFlight = new Set<Promise<unknown>>()
  let stopping = false
  let closed = false
  let confinement: Confinement = { tier: 'T1' }
  let notTaken: readonly TierNotTaken[] = []
  let tier: Tier | undefined
  const tierIsKnown = findTier()

  const { extraCa = [], codeCacheDirectory } = options
  const loading = createPluginLoading({ extraCa, codeCacheDirectory, takeBlank })
  const pool = createWarmPool({ size: limits.warmRunners, after: tierIsKnown, start: startRunner })
  const residents = createResidents({
    places: () => places,
    supervisor,
    restarts: createRestartPace({ gapMs: limits.restartGapMs, maxWaitMs: limits.queueWaitMs }),
    takeBlank,
    load(process, target) {
      const { tenantId, pluginKey, installationId = 0 } = target
      owners.set(process, { tenantId, pluginKey, installationId })
      health.noticeStart(supervisorKey(tenantId, pluginKey))
      return loading.load(process, target)
    },
    onEnd({ grants: _grants, ...identity }, end, crashed) {
      const { exitCode, signal } = end
      const reason = end.reason?.kind ?? ('crash' as const)
      const ended = { reason, cause: describeEnd(end), exitCode, signal }
      options.onProcessEnd?.(identity, { crashed, ...ended })
      health.noticeEnd(supervisorKey(identity.tenantId, identity.pluginKey), end, crashed)
      const fields = { ...identity, ...ended }
      if (crashed)
        log.warn({ ...fields, lastWords: redact(identity, end.lastWords).slice(-500) }, 'plugin process crashed')
      else log.info(fields, 'plugin process ended')
    },
  })
  const places: Places = createPlaces({
    max: limits.maxResidents,
    maxWaitMs: limits.queueWaitMs,
    evictIdle: () => residents.evictIdle(),
  })
  const housekeeping = setInterval(() => void keepHouse(), limits.memoryPollMs).unref()
  const idlePings = setInterval(() => pingIdle(), limits.idlePingMs).unref()

  async function findTier(): Promise<void> {
    const { maxTier = 'T3' } = options
    const choice = await chooseTier({
      maxTier,
      limits,
      attack: (confined) => attackConfinement(launcher, confined),
    })
    ;({ confinement, notTaken } = choice)
    tier = confinement.tier
    for (const { tier: other, reason } of notTaken) {
      const isWanted = tierNumber(other) > tierNumber(maxTier)
      log[isWanted ? 'info' : 'warn']({ tier, notTaken: other, reason }, 'sandbox tier not taken')
    }
    log.info({ tier }, 'sandbox tier chosen')
  }

  function assertTier(): void {
    const { minTier } = options
    if (tier === undefined || minTier === undefined || tierNumber(tier) >= tierNumber(minTier)) return
    const why = notTaken.map((other) => `${other.tier}: ${other.reason}`).join('; ')
    throw new TenonError('NOT_READY', {
      reason: `the sandbox is of tier ${tier} here, and SANDBOX_MIN_TIER asks for ${minTier} (${why})`,
    })
  }

  function askerOf(process: RunnerProcess): string {
    const owner = owners.get(process)
    return owner ? supervisorKey(owner.tenantId, owner.pluginKey) : ''
  }

  async function startRunner(): Promise<RunnerProcess> {
    const child = await launchRunner(launcher, { directory, limits, confinement })
    if (closed) {
      child.kill()
      throw new TenonError('SHUTTING_DOWN')
    }
    const process: RunnerProcess = createRunnerProcess({
      child,
      limits,
      messageTime,
      egress: {
        lookup: (host) => lookUp(askerOf(process), host),
        dial: options.dial,
        hostMap: options.hostMap,
      },
      flawOf: (pid) => flawOfSeal(pid, confinement),
      networkAccount() {
        const owner = owners.get(process)
        return owner ? egress.accountOf(owner) : noNetworkAccount
      },
      onLog: (line) => {
        const owner = owners.get(process)
        if (owner) options.onPluginLog?.(owner, line)
      },
      onNetworkRefused({ message, reason }) {
        const owner = owners.get(process)
        const target = owner ? redact(owner, message) : message
        log.warn({ ...owner, target, reason }, 'plugin connection refused')
      },
    })
    processes.add(process)
    pidFiles.add(process.startedPid)
    void process.ended.then(() => {
      processes.delete(process)
      rss.delete(process.pid)
      pidFiles.remove(process.startedPid)
    })
    return process
  }

  async function takeBlank(plugin: string): Promise<RunnerProcess> {
    await tierIsKnown
    if (closed) throw new TenonError('SHUTTING_DOWN')
    assertTier()
    try {
      return await pool.take()
    } catch (cause) {
      throw new TenonError(stopping ? 'SHUTTING_DOWN' : 'PLUGIN_RESTARTED', { plugin }, { cause })
    }
  }

  async function keepHouse(): Promise<void> {
    const measured = await residentBytes([...processes].map(({ pid }) => pid))
    for (const process of processes) {
      const bytes = measured.get(process.pid) ?? 0
      rss.set(process.pid, bytes)
      if (bytes > limits.maxRssBytes) process.kill({ kind: 'memory', text: `it used ${megabytes(bytes)} of memory` })
    }
    const now = Date.now()
    for (const resident of residents.idle()) {
      if (now - resident.lastUsedAt > limits.idleStopMs)
        resident.process.kill({ kind: 'idle', text: 'it had nothing to do' })
      else {
        const bytes = rss.get(resident.process.pid) ?? 0
        if (bytes > limits.recycleRssBytes)
          residents.retire(resident, { kind: 'recycled', text: `it had grown to ${megabytes(bytes)} of memory` })
      }
    }
  }

  /** A plugin that spins when nobody asked it for anything would otherwise be noticed by the next caller only. */
  function pingIdle(): void {
    for (const { process } of residents.idle()) {
      void process.ping(2 * limits.idlePingMs).then((answered) => {
        if (!answered && process.alive)
          process.kill({ kind: 'unresponsive', text: 'it kept working after its calls had ended' })
      })
    }
  }

  async function attempt(target: PluginTarget, call: PluginCall, lane: Lane): Promise<unknown> {
    const resident = await residents.obtain(target, lane, call.signal)
    try {
      if (!resident.process.alive) throw new TenonError('PLUGIN_RESTARTED', { plugin: target.pluginKey })
      const startedAt = performance.now()
      const end = await runUnderDeadline({
        process: resident.process,
        call: processCall(call),
        deadlineMs: deadlineOf(call, limits),
        signal: call.signal,
        limits,
      })
      const result = resultOf(end)
      if (result)
        health.noticeCall(supervisorKey(target.tenantId, target.pluginKey), result, performance.now() - startedAt)
      if ((end.kind === 'expired' || end.kind === 'cancelled') && !end.outcome && end.processAlive)
        residents.retire(resident, overrun[end.kind])
      return valueOf(end, target.pluginKey, call, limits)
    } catch (error) {
      throw error instanceof UnsendableValue ? unsendableError(error, limits) : error
    } finally {
      residents.release(resident)
    }
  }

  async function callPlugin(target: PluginTarget, call: PluginCall): Promise<unknown> {
    if (stopping) throw new TenonError('SHUTTING_DOWN')
    const lane = call.lane ?? (call.invocation.kind === 'job' ? 'job' : 'page')
    const key = lineKey(target, lane)
    const isInForce = async () => (await call.isInForce?.()) ?? true
    const work = queue.run(key, target.pluginKey, call.signal, async (hasWaited) => {
      if (hasWaited && !(await isInForce())) throw new TenonError('PLUGIN_RESTARTED', { plugin: target.pluginKey })
      try {
        return await attempt(target, call, lane)
      } catch (error) {
        if (!isSafe(call) || stopping || !isTenonError(error, 'PLUGIN_RESTARTED')) throw error
        if (!(await isInForce())) throw error
        return attempt(target, call, lane)
      }
    })
    inFlight.add(work)
    return work.finally(() => inFlight.delete(work))
  }

  function statusOf({
    process,
    startedAt,
    lastUsedAt,
    report: _report,
    claims: _claims,
    retired,
    ...resident
  }: Resident): ProcessStatus {
    const { open, bytesIn, bytesOut } = process.sockets
    return {
      ...resident,
      retired: retired !== undefined,
      pid: process.pid,
      callsInFlight: process.callsInFlight,
      rssBytes: rss.get(process.pid) ?? 0,
      startedAt: new Date(startedAt),
      lastUsedAt: new Date(lastUsedAt),
      connections: open,
      bytesIn,
      bytesOut,
      restedMs: process.restedMs,
    }
  }

  return {
    call: callPlugin as Runtime['call'],
    async inspect(target) {
      if (stopping) throw new TenonError('SHUTTING_DOWN')
      return loading.inspect(target)
    },
    stopPlugin: (tenantId, pluginKey, why = { kind: 'stopped', text: 'it was stopped' }) =>
      residents.stop({ tenantId, pluginKey }, why),
    stopMatching: (match, why) => residents.stop(match, why),
    reset: (tenantId, pluginKey) => supervisor.reset({ tenantId, pluginKey }),
    heardOfCrashes: (tenantId, pluginKey) => supervisor.heardOf({ tenantId, pluginKey }),
    refreshCrashes: supervisor.refresh,
    healthOf(tenantId, pluginKey) {
      const isRunning = residents
        .all()
        .some((other) => other.process.alive && other.tenantId === tenantId && other.pluginKey === pluginKey)
      const key = supervisorKey(tenantId, pluginKey)
      const plugin = { tenantId, pluginKey }
      const lines = (['page', 'job'] as const).map((lane) => queue.lineOf(lineKey(plugin, lane)))
      const most = (of: 'running' | 'waiting') => Math.max(...lines.map((line) => line[of]))
      return {
        ...health.read(key, isRunning, supervisor.stateOf(plugin)),
        network: egress.useOf(plugin),
        calling: { running: most('running'), waiting: most('waiting') },
      }
    },
    refreshNetworkUse: (tenantId, pluginKey) => egress.refresh({ tenantId, pluginKey }),
    attackKernel: () => tierIsKnown.then(() => attackKernel(launcher, directory, confinement)),
    async selfTest() {
      await tierIsKnown
      assertTier()
      const [runner, kernel] = await Promise.all([
        pool.take(),
        probeKernel(launcher, directory, confinement).catch((error: Error) => [error.message]),
      ])
      const { breaches, broken } = await probeRunner(runner)
      const passed = kernel.length + breaches.length + broken.length === 0
      return { tier: confinement.tier, passed, breaches: [...kernel, ...breaches], broken, notTaken: [...notTaken] }
    },
    status: () => ({
      tier,
      notTaken,
      warm: pool.size,
      queued: queue.waiting,
      processes: residents
        .all()
        .filter(({ process }) => process.alive)
        .map(statusOf),
    }),
    async stop({ drainMs = 10_000 } = {}) {
      stopping = true
      await Promise.race([Promise.allSettled(inFlight), new Promise((resolve) => setTimeout(resolve, drainMs).unref())])
      closed = true
      clearInterval(housekeeping)
      clearInterval(idlePings)
      pool.stop()
      const living = [...processes]
      for (const process of living) process.kill({ kind: 'host-stop', text: 'the host is stopping' })
      // Who looks for a tier looks for everybody in this program, and needs what it has started.
      await Promise.all([tierIsKnown, ...living.map(({ ended }) => ended)])
      await Promise.all([egress.stop(), supervisor.stop()])
      launcher.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const lineKey = ({ tenantId, pluginKey }: Pick<PluginTarget, 'tenantId' | 'pluginKey'>, lane: Lane) =>
  `${supervisorKey(tenantId, pluginKey)} ${lane}`
