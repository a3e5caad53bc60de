import type { RuntimeLimits } from './limits.js'
import type { CallOutcome, ProcessCall, ProcessEnd, RunnerProcess } from './runner-process.js'

/** How one call in a process ended. */
export type CallEnd =
  | { kind: 'answered'; outcome: CallOutcome }
  /** Its time was over, or whoever asked went away; `outcome` is what the plugin said about it in time. */
  | { kind: 'expired' | 'cancelled'; outcome?: CallOutcome; processAlive: boolean }
  | { kind: 'processEnded'; end: ProcessEnd; alone: boolean }

type Moment =
  { kind: 'outcome'; outcome: CallOutcome } | { kind: 'end'; end: ProcessEnd } | { kind: 'expired' | 'cancelled' }

/**
 * Runs a call under its deadline: cancel, then grace, then only this call fails if the process still answers a ping, and
 * the process is killed if it does not.
 */
export async function runUnderDeadline(options: {
  process: RunnerProcess
  call: ProcessCall
  deadlineMs: number
  signal: AbortSignal | undefined
  limits: RuntimeLimits
}): Promise<CallEnd> {
  const { process, limits } = options
  const running = process.begin(options.call)
  const settled = running.outcome.then((outcome): Moment =>
    'end' in outcome ? { kind: 'end', end: outcome.end } : { kind: 'outcome', outcome },
  )
  const first = await firstOf(settled, options.deadlineMs, options.signal)
  if (first.kind === 'outcome') return { kind: 'answered', outcome: first.outcome }
  if (first.kind === 'end') return endedWith(process, first.end)

  const { kind } = first
  running.cancel(kind === 'expired' ? 'The time for this call is over.' : 'The call was cancelled.')
  const second = await firstOf(settled, limits.graceMs, undefined)
  if (second.kind === 'outcome') return { kind, outcome: second.outcome, processAlive: true }
  if (second.kind === 'end') return endedWith(process, second.end)
  const processAlive = await process.ping(limits.pingMs)
  if (processAlive) running.abandon()
  else process.kill({ kind: 'unresponsive', text: 'it stopped answering' })
  return { kind, processAlive }
}

function endedWith(process: RunnerProcess, end: ProcessEnd): CallEnd {
  return { kind: 'processEnded', end, alone: process.callsInFlight <= 1 }
}

function firstOf(settled: Promise<Moment>, timeoutMs: number, signal: AbortSignal | undefined): Promise<Moment> {
  return new Promise((resolve) => {
    const finish = (moment: Moment) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      resolve(moment)
    }
    const timer = setTimeout(() => finish({ kind: 'expired' }), timeoutMs)
    const cancel = () => finish({ kind: 'cancelled' })
    if (signal?.aborted) return cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    void settled.then(finish)
  })
}
