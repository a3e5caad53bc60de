import { isJsonObject, isTenonError, TenonError, type EventFailure } from '@tenon/contract'
import { settledJson } from '@tenon/contract/wire'
import { DeliveryFailure } from '../events/delivery-failure.js'
import { storableJson } from '../migrations/sql-text.js'
import { PluginCallError } from '../runtime/index.js'

/** @throws DeliveryFailure when a handler answered that it failed; any other answer will do. */
export function assertTaken(answer: unknown): void {
  if (!isJsonObject(answer) || answer['success'] !== false) return
  const { message, ...said } = answer
  const reason = typeof message === 'string' && message !== '' ? message : 'The plugin gives no reason.'
  throw failureOf(new TenonError('PLUGIN_REFUSED', { message: reason }), said)
}

/** What a call of a handler threw, with what the handler said in it; also of one that was cut off and told it in time. */
export function withWhatWasSaid(error: unknown): unknown {
  if (error instanceof PluginCallError) return failureOf(error, saidIn(error.pluginError))
  if (!isTenonError(error, 'CALL_TIMEOUT') && !isTenonError(error, 'CALL_CANCELLED')) return error
  const { settled } = saidIn(error.cause)
  return settled === undefined ? error : failureOf(error, { settled })
}

function failureOf(error: TenonError, { retryable, retryAfterMs, settled }: EventFailure): DeliveryFailure {
  const isKept = settledJson(settled) !== undefined
  return new DeliveryFailure(error, {
    retryable: retryable !== false,
    // An answer is the plugin's own: it may say anything.
    retryAfterMs: typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : undefined,
    settled: isKept ? storableJson(settled) : undefined,
  })
}

/** On its way `settled` is JSON. */
function saidIn(error: unknown): EventFailure {
  const { retryable, retryAfterMs, settled } = (error ?? {}) as Omit<EventFailure, 'settled'> & { settled?: string }
  return {
    ...(retryable === undefined ? {} : { retryable }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(typeof settled === 'string' ? { settled: parsed(settled) } : {}),
  }
}

/** Undefined when a secret was taken out of it and left no JSON behind. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
