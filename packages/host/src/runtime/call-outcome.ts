import { TenonError } from '@tenon/contract'
import type { CallFault, UnsendableValue, WireError } from '@tenon/contract/wire'
import { megabytes } from '../limit-table.js'
import type { CallEnd } from './call-deadline.js'
import type { RuntimeLimits } from './limits.js'
import { parseRouteAnswer, type RouteAnswer } from './message-schemas.js'
import { type PluginCall, deadlineOf } from './plugin-call.js'
import { PluginCallError } from './plugin-call-error.js'
import type { CallResult } from './plugin-health.js'
import { faults } from './residents.js'
import { describeEnd } from './runner-process.js'

/** Why a process is replaced in which a call may still be at work. */
export const overrun = {
  expired: { kind: 'deadline', text: 'a call of it did not come to an end in time' },
  cancelled: { kind: 'deadline', text: 'a call of it went on after it was cancelled' },
} as const

/** Undefined when it says nothing about the plugin: the host ended its process, or nobody waited for the answer. */
export function resultOf(end: CallEnd): CallResult | undefined {
  if (end.kind === 'processEnded') return end.end.reason && !faults.has(end.end.reason.kind) ? undefined : 'unanswered'
  if (end.outcome) return 'error' in end.outcome ? 'failed' : 'answered'
  return end.kind === 'expired' ? 'unanswered' : undefined
}

export function valueOf(end: CallEnd, plugin: string, call: PluginCall, limits: RuntimeLimits): unknown {
  if (end.kind === 'processEnded') throw processEndError(end, plugin)
  const outcome =
    end.kind === 'answered' ? end.outcome : end.outcome && 'value' in end.outcome ? end.outcome : undefined
  if (!outcome) {
    const cause = 'outcome' in end && end.outcome && 'error' in end.outcome ? end.outcome.error : undefined
    if (end.kind === 'cancelled') throw new TenonError('CALL_CANCELLED', {}, { cause })
    const seconds = Math.round(deadlineOf(call, limits) / 100) / 10
    throw new TenonError('CALL_TIMEOUT', { plugin, seconds }, { cause })
  }
  if ('error' in outcome) throw callError(outcome, plugin, call, limits)
  return call.invocation.kind === 'route' ? checkedRouteAnswer(outcome.value, plugin) : outcome.value
}

function checkedRouteAnswer(value: unknown, plugin: string): RouteAnswer {
  try {
    return parseRouteAnswer(value)
  } catch (error) {
    throw new TenonError('PLUGIN_RESULT_INVALID', { plugin, reason: (error as Error).message })
  }
}

function callError(
  { error, fault }: { error: WireError; fault?: CallFault | undefined },
  plugin: string,
  call: PluginCall,
  { maxRunnerMessageBytes, maxRunnerMessageParts, maxAttachmentBytes }: RuntimeLimits,
): TenonError {
  if (fault === undefined) return new PluginCallError(plugin, error)
  if (fault === 'PLUGIN_EXPORT_MISSING') return new TenonError(fault, { plugin, name: error.message })
  if (fault === 'ROUTE_NOT_FOUND' && call.invocation.kind === 'route') {
    const { method, path: routePath } = call.invocation
    return new TenonError(fault, { plugin, method, path: routePath })
  }
  if (fault === 'RESULT_TOO_LARGE') {
    const parts = `${maxRunnerMessageParts.toLocaleString('en')} lists, objects and short texts`
    const limit = `${megabytes(maxRunnerMessageBytes)} of text, ${parts}, and ${megabytes(maxAttachmentBytes)} in files,`
    return new TenonError(fault, { plugin, limit })
  }
  return new TenonError('PLUGIN_RESULT_INVALID', { plugin, reason: error.message })
}

/** Ends that somebody wanted, whatever the plugin did. */
const wanted: ReadonlySet<string> = new Set(['stopped', 'changed', 'host-stop'])

/** What cannot be carried to the plugin is too much of whoever called. */
export function unsendableError(cause: UnsendableValue, { maxHostMessageBytes, maxAttachmentBytes }: RuntimeLimits) {
  if (cause.code !== 'RESULT_TOO_LARGE')
    return new TenonError('VALIDATION_FAILED', { message: cause.message }, { cause })
  const limit = `${megabytes(maxHostMessageBytes)}, or ${megabytes(maxAttachmentBytes)} in files`
  return new TenonError('BODY_TOO_LARGE', { limit }, { cause })
}

function processEndError({ end, alone }: Extract<CallEnd, { kind: 'processEnded' }>, plugin: string): TenonError {
  const reason = describeEnd(end)
  if (!end.reason && end.exitCode !== null) return new TenonError('PLUGIN_EXITED', { plugin, exitCode: end.exitCode })
  // Alone in its process, the call is what brought it down; next to others nobody can tell.
  const guilty = alone && !(end.reason && wanted.has(end.reason.kind))
  return new TenonError(guilty ? 'PLUGIN_KILLED' : 'PLUGIN_RESTARTED', { plugin, reason })
}
