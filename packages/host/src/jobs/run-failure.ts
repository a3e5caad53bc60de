import { TenonError, errorTable, knownErrorOf, type ErrorCode, type RunErrorKind } from '@tenon/contract'
import { storableText } from '../migrations/sql-text.js'
import type { RunFailure } from './run.js'

/** Codes whose cause passes by itself: a service that is away, a process that was restarted, too much at once. */
const transient: ReadonlySet<ErrorCode> = new Set([
  'ARTIFACT_TRUNCATED',
  'ARTIFACT_UNREACHABLE',
  'CALL_TIMEOUT',
  'DATABASE_BUSY',
  'DATABASE_UNAVAILABLE',
  'DEPENDENCIES_FAILED',
  'EGRESS_FAILED',
  'EVENTS_WAITING',
  'INSTALLATION_BUSY',
  'INTERRUPTED',
  'MARKETPLACE_UNREACHABLE',
  'PLUGIN_OVERLOADED',
  'PLUGIN_RESTARTED',
  'SERVICE_FAILED',
  'SHUTTING_DOWN',
  'STATEMENT_TIMEOUT',
  'TRANSACTION_TIMEOUT',
])

/** Codes that an admin of the organization can do something about. */
const configuration: ReadonlySet<ErrorCode> = new Set([
  'CONFIGURATION_INVALID',
  'CONFIGURATION_MISSING',
  'CONNECTION_TEST_FAILED',
  'CONNECTION_NEEDS_REAUTH',
  'CONNECTION_NOT_CONFIGURED',
  'CONNECTION_NOT_FOUND',
  'CONNECTION_SWITCHED_OFF',
  'EGRESS_REFUSED',
  'OAUTH_EXCHANGE_FAILED',
  'PERMISSION_DENIED',
  'PLUGIN_BLOCKED',
  'PLUGIN_DISABLED',
  'PLUGIN_NOT_INSTALLABLE',
  'PLUGIN_NOT_INSTALLED',
  'PLUGIN_REFUSED',
  'VALIDATION_FAILED',
])

/** Codes that only the operator of the installation can do something about. */
const platform: ReadonlySet<ErrorCode> = new Set([
  'ARTIFACT_NOT_STORED',
  'INTERNAL',
  'RUN_INTERRUPTED',
  'RUN_STOPS_SERVERS',
  'SEALED_VALUE_UNREADABLE',
])

/** What the network says in an error that a plugin did not catch. */
const passingNetwork =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT|UND_ERR_SOCKET)$/

const nextSteps: Record<RunErrorKind, string> = {
  configuration: 'Check the configuration and the connections of the plugin, then run it again.',
  transient: 'This passes by itself most of the time. Run it again in a moment.',
  plugin: 'Look at the log of the plugin and tell its publisher; an update may solve it.',
  platform: 'Give the id of this run to the operator of this installation.',
}

const nextStepsOf: Partial<Record<ErrorCode, string>> = {
  CALL_TIMEOUT: 'It took longer than it may. Run it again; what it had kept is not read anew.',
  CONNECTION_NEEDS_REAUTH: 'Open the connections of the plugin and sign in to the service again.',
  CONNECTION_SWITCHED_OFF: 'Switch the connection on among the connections of the plugin, then run it again.',
  EGRESS_REFUSED: 'The plugin may not reach this address. Check the address in its configuration.',
  INTERRUPTED: 'Run it again.',
  PERMISSION_DENIED: 'Look at the permissions of the plugin: one that it needs was not granted.',
  PLUGIN_BLOCKED: 'Ask the operator of this installation why the plugin is blocked.',
  PLUGIN_CRASH_LOOP: 'Look at its log, update it, or start it again from its page.',
  PLUGIN_DISABLED: 'Enable the plugin, then run it again.',
  PLUGIN_KILLED: 'Look at the log of the plugin; if it ran out of memory, try it with less at once.',
  PLUGIN_NOT_INSTALLED: 'Install the plugin again.',
  RUN_INTERRUPTED: 'See whether it was done, wholly or in part, before you start it again.',
}

const longestMessage = 2_000
const longestDetails = 16_000

/** Sorts an error by whom it is for, and says what that person can do. */
export function failureOf(error: unknown): RunFailure {
  const known = knownErrorOf(error, 'in the log')
  const kind = kindOf(known)
  const details = detailsOf(known)
  return {
    code: known.code,
    kind,
    message: storableText(known.message).slice(0, longestMessage),
    nextStep: nextStepsOf[ownCodeIn(known) ?? known.code] ?? nextSteps[kind],
    status: known.status,
    ...(details ? { details } : {}),
  }
}

/** Of an installation whose server died: its recovery undoes what was done. */
export const takenBack = failureOf(new TenonError('INTERRUPTED'))
/** Of what may not be begun again. */
export const interruption = failureOf(new TenonError('RUN_INTERRUPTED'))
/** Of what was begun again so often that it must be what the servers died of. */
export const stopsServers = (count: number): RunFailure => failureOf(new TenonError('RUN_STOPS_SERVERS', { count }))

function kindOf(error: TenonError): RunErrorKind {
  if (error.code === 'PLUGIN_ANSWERED') return kindOfStatus(error.status)
  if (error.code === 'PLUGIN_THREW') return kindOfThrown(error)
  return kindOfCode(error.code)
}

function kindOfCode(code: ErrorCode): RunErrorKind {
  if (transient.has(code)) return 'transient'
  if (configuration.has(code)) return 'configuration'
  return platform.has(code) ? 'platform' : 'plugin'
}

/** What a plugin asked of the host failed, and it let that error through. */
function ownCodeIn({ code, details }: TenonError): ErrorCode | undefined {
  const passed = details['pluginCode']
  return code === 'PLUGIN_THREW' && typeof passed === 'string' && Object.hasOwn(errorTable, passed)
    ? (passed as ErrorCode)
    : undefined
}

/** A plugin answers like any server: with 4xx for what somebody has to change, with 502 to 504 for what passes. */
function kindOfStatus(status: number): RunErrorKind {
  if (status === 429 || (status >= 502 && status <= 504)) return 'transient'
  return status >= 500 ? 'plugin' : 'configuration'
}

function kindOfThrown(error: TenonError): RunErrorKind {
  const own = ownCodeIn(error)
  if (own) return kindOfCode(own)
  const { details, cause } = error
  const codes = [details['pluginCode'], (cause as { code?: unknown } | undefined)?.code].map(String)
  if (codes.some((code) => passingNetwork.test(code))) return 'transient'
  return codes.includes('EACCES') ? 'configuration' : 'plugin'
}

/** What travels with the answer of a request that waited; without what is too large or cannot be said in JSON. */
function detailsOf({ details: { message: _message, ...details } }: TenonError): Record<string, unknown> | undefined {
  try {
    const text = JSON.stringify(details)
    return text.length > longestDetails || text === '{}' ? undefined : (JSON.parse(text) as Record<string, unknown>)
  } catch {
    return undefined
  }
}
