import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { Block } from '../operator/blocks.js'
import type { CallFigures, CallsOfHour, KeptProcessEnd } from '../records/index.js'
import { type BudgetFacts, type BudgetJson, budgetsOf } from './budgets.js'
import type { Installation } from './installation-store.js'

/** How one plugin of an organization is. */
export interface HealthJson {
  state: HealthState
  /** The state in words: "Paused: it crashed 3 times within the hour". */
  summary: string
  since: string | null
  /** The one thing to do; null when there is nothing. */
  next: string | null
  /** Of the last 24 hours, on every server. */
  calls: CallFigures
  /** The same, hour by hour, the oldest first. */
  hours: CallsOfHour[]
  /** The last ones, the newest first, on every server. */
  crashes: KeptProcessEnd[]
  /** The last ends of its processes, crashes or not, in the same order. */
  ends: KeptProcessEnd[]
  /** Ends of its processes that were kept: each was followed by a start when it was next needed. */
  restarts: number
  /** When it may start again after a crash. */
  restartAfter: string | null
  /** What it takes of what it may. */
  budgets: BudgetJson[]
  processes: { lane: string; startedAt: string; memoryBytes: number; callsInFlight: number }[]
}

export type HealthState =
  'blocked' | 'changing' | 'failed' | 'disabled' | 'crash_loop' | 'unresponsive' | 'failing' | 'running' | 'idle'

interface HealthFacts extends BudgetFacts {
  installation: Installation
  settledAt: Date
  block: Block | undefined
  calls: CallFigures
  hours: CallsOfHour[]
  ends: readonly KeptProcessEnd[]
}

/** From so many calls on, and from this part of them, errors are the state. */
const failing = { calls: 5, part: 0.5 }
const shownCrashes = 20
const shownEnds = 50

export function healthOf(facts: HealthFacts): HealthJson {
  const { seen, processes, calls, hours, ends } = facts
  const crashes = ends.filter(({ crashed }) => crashed)
  return {
    ...verdictOf(facts, crashes),
    calls,
    hours,
    crashes: crashes.slice(0, shownCrashes),
    ends: ends.slice(0, shownEnds),
    restarts: ends.length,
    restartAfter: seen.restartAfter?.toISOString() ?? null,
    budgets: budgetsOf(facts),
    processes: processes.map(({ lane, startedAt, rssBytes, callsInFlight }) => ({
      lane,
      startedAt: startedAt.toISOString(),
      memoryBytes: rssBytes,
      callsInFlight,
    })),
  }
}

type Verdict = Pick<HealthJson, 'state' | 'summary' | 'since' | 'next'>

function verdictOf(facts: HealthFacts, crashes: readonly KeptProcessEnd[]): Verdict {
  const { installation, settledAt, block, seen, calls } = facts
  const verdict = (state: HealthState, summary: string, since: Date | string | null, next: string | null): Verdict => ({
    state,
    summary,
    since: since instanceof Date ? since.toISOString() : since,
    next,
  })
  const because = crashes[0] ? ` The last time ${crashes[0].cause}.` : ''
  if (block)
    return verdict(
      'blocked',
      `Blocked by the operator: ${block.reason}`,
      block.blockedAt,
      'Ask the operator of this installation.',
    )
  if ([Status.INSTALLING, Status.UPDATING, Status.UNINSTALLING].includes(installation.status))
    return verdict('changing', `Is ${installation.status} at the moment`, installation.updatedAt, 'Wait a moment.')
  if (installation.status === Status.FAILED)
    return verdict(
      'failed',
      `Could not be installed: ${installation.errorMessage ?? 'no reason was given'}`,
      settledAt,
      'Install it again, or remove it.',
    )
  if (installation.status === Status.DISABLED) return verdict('disabled', 'Disabled', settledAt, 'Enable it to use it.')
  if (seen.state === 'crash_loop')
    return verdict(
      'crash_loop',
      `Paused, because it does nothing but crash.${because}`,
      seen.since ?? null,
      'Look at its log, then disable and enable it, or update it.',
    )
  if (seen.state === 'unresponsive')
    return verdict('unresponsive', 'Does not answer', seen.since ?? null, 'Look at its log, or disable it.')
  if (calls.calls >= failing.calls && calls.errors >= calls.calls * failing.part)
    return verdict(
      'failing',
      `${calls.errors} of its ${calls.calls} calls of the last day failed`,
      null,
      'Look at its log, and test its connection.',
    )
  if (seen.state === 'running') return verdict('running', 'Works', seen.since ?? null, null)
  return verdict('idle', 'Works; it is started when it is needed', seen.since ?? installation.installedAt, null)
}
