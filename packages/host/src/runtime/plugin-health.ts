import type { LineLength } from './call-queue.js'
import type { CrashSupervisor } from './crash-supervisor.js'
import type { NetworkUse } from './egress-meter.js'
import { describeEnd, type ProcessEnd } from './runner-process.js'

/** One end of a plugin's process that the host did not decide on for reasons of its own. */
export interface PluginCrash {
  at: Date
  /** One line for a person: what it did, or what it was ended for. */
  cause: string
  exitCode: number | null
  signal: NodeJS.Signals | null
}

/**
 * `running`: it has a process. `unresponsive`: its last calls got no answer. `stopped`: it has no process, the next call
 * starts one. `crash_loop`: it crashed too often and waits for a person or a new version.
 */
export type PluginState = 'running' | 'unresponsive' | 'stopped' | 'crash_loop'

/** What this server knows about one plugin of one tenant since it started. */
export interface PluginHealth {
  state: PluginState
  /** Since when it is in this state; undefined when nothing of it was seen yet. */
  since: Date | undefined
  /** The latest first; at most twenty. */
  crashes: readonly PluginCrash[]
  /** When a crashed plugin may start again; undefined when nothing keeps it from starting. */
  restartAfter: Date | undefined
  /** Processes started, after the first. */
  restarts: number
  /** Calls that ran, whatever came of them. */
  calls: number
  /** Calls that the plugin answered with an error. */
  errors: number
  /** Calls that got no answer: their time was over, or their process ended. */
  unanswered: number
  /** Mean time of the calls that were answered, in milliseconds; undefined before the first. */
  meanMs: number | undefined
  network: NetworkUse
  /** Its calls in flight and those that wait for their turn, of pages or of jobs, whichever are more. */
  calling: LineLength
}

type CrashState = ReturnType<CrashSupervisor['stateOf']>

export type CallResult = 'answered' | 'failed' | 'unanswered'

/** Keeps count of what happens to each plugin of each tenant. */
export interface HealthBook {
  noticeStart(key: string): void
  noticeEnd(key: string, end: ProcessEnd, crashed: boolean): void
  noticeCall(key: string, result: CallResult, durationMs: number): void
  read(key: string, isRunning: boolean, crashes: CrashState): Omit<PluginHealth, 'network' | 'calling'>
}

interface Record {
  starts: number
  startedAt: number | undefined
  endedAt: number | undefined
  crashes: PluginCrash[]
  calls: number
  errors: number
  unanswered: number
  unansweredInRow: number
  unansweredSince: number | undefined
  answeredMs: number
}

/** One may have been a slow server elsewhere; three in a row are the plugin. */
const unansweredForUnresponsive = 3
const keptCrashes = 20
/** A few hundred bytes each; those that nothing happened to for the longest time are forgotten first. */
const keptRecords = 10_000

export function createHealthBook(): HealthBook {
  const records = new Map<string, Record>()

  /** The record of `key`, moved to the end of the line of those that may be forgotten. */
  function touch(key: string): Record {
    const record = records.get(key) ?? emptyRecord()
    records.delete(key)
    records.set(key, record)
    const oldest = records.keys().next().value
    if (records.size > keptRecords && oldest !== undefined) records.delete(oldest)
    return record
  }

  return {
    noticeStart(key) {
      const record = touch(key)
      record.starts++
      record.startedAt = Date.now()
    },
    noticeEnd(key, end, crashed) {
      const record = touch(key)
      record.endedAt = Date.now()
      if (!crashed) return
      const { exitCode, signal } = end
      record.crashes.unshift({ at: new Date(), cause: describeEnd(end), exitCode, signal })
      record.crashes.length = Math.min(record.crashes.length, keptCrashes)
    },
    noticeCall(key, result, durationMs) {
      const record = touch(key)
      record.calls++
      if (result === 'unanswered') {
        record.unanswered++
        if (++record.unansweredInRow === 1) record.unansweredSince = Date.now()
        return
      }
      record.unansweredInRow = 0
      record.answeredMs += durationMs
      if (result === 'failed') record.errors++
    },
    read(key, isRunning, { pausedSince, restartAfter }) {
      const record = records.get(key) ?? emptyRecord()
      const answered = record.calls - record.unanswered
      const state = stateOf(record, isRunning, pausedSince !== undefined)
      return {
        state,
        since: sinceWhen(state, record, pausedSince),
        crashes: [...record.crashes],
        restartAfter: restartAfter > Date.now() ? new Date(restartAfter) : undefined,
        restarts: Math.max(0, record.starts - 1),
        calls: record.calls,
        errors: record.errors,
        unanswered: record.unanswered,
        meanMs: answered === 0 ? undefined : record.answeredMs / answered,
      }
    },
  }
}

function emptyRecord(): Record {
  return {
    starts: 0,
    startedAt: undefined,
    endedAt: undefined,
    crashes: [],
    calls: 0,
    errors: 0,
    unanswered: 0,
    unansweredInRow: 0,
    unansweredSince: undefined,
    answeredMs: 0,
  }
}

function stateOf(record: Record, isRunning: boolean, isPaused: boolean): PluginState {
  if (isPaused) return 'crash_loop'
  if (record.unansweredInRow >= unansweredForUnresponsive) return 'unresponsive'
  return isRunning ? 'running' : 'stopped'
}

function sinceWhen(state: PluginState, record: Record, pausedSince: number | undefined): Date | undefined {
  const times = {
    crash_loop: pausedSince,
    unresponsive: record.unansweredSince,
    running: record.startedAt,
    stopped: record.endedAt,
  }
  const time = times[state]
  return time === undefined ? undefined : new Date(time)
}
