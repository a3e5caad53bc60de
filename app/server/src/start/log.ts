import { isTenonError } from '@tenon/contract'
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Settings } from '../env.js'

/** Names of fields whose values never reach the log, wherever somebody puts them by mistake. */
const secretFields = ['password', 'token', 'authorization', 'secret', 'access_token', 'api_token', 'clientSecret']

/** Lines of JSON; on a terminal, lines for people. */
export function createLog(
  { logLevel }: Pick<Settings, 'logLevel'>,
  destination: DestinationStream = process.stdout.isTTY ? pretty({ ignore: 'pid,hostname' }) : pino.destination(1),
): Logger {
  const paths = secretFields.flatMap((field) => [field, `*.${field}`])
  return pino(
    { level: logLevel, redact: { paths, censor: '[hidden]' }, serializers: { err: describeError } },
    destination,
  )
}

/** What an error says of itself, but not the values of rows that Postgres puts into `detail`, `where` and others. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const code = isTenonError(error) || 'code' in error ? { code: String(error.code) } : {}
  return { type: name, message, ...code, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) }
}
