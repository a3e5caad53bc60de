import * as z from 'zod'
import { envelope } from './envelope.js'
import { TenonError, type ErrorCode, type ErrorDetails } from './errors.js'
import { wireConstants } from './wire/wire-limits.js'

/** What every failed request gets: the envelope, plus what a program and an operator need. */
export interface ErrorAnswer {
  status: number
  body: Record<string, unknown> & { code: ErrorCode; requestId: string }
}

/** The body of an error answer; the sentence is in `data` below 500 and in `error` from 500 on. */
export const errorBodySchema = z
  .object({
    message: z.string().describe('The reason phrase of the status'),
    data: z.string().optional().describe('The sentence for a person, below 500'),
    error: z.string().optional().describe('The sentence for a person, from 500 on'),
    code: z.string().describe('Stable; see the table of errors'),
    requestId: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Error' })

/** Turns whatever was thrown into an answer. What is not a {@link TenonError} shows nothing of itself. */
export function errorAnswer(error: unknown, requestId: string): ErrorAnswer {
  const known = knownErrorOf(error, requestId)
  const { code, status, message } = known
  const details = publicDetails(known.details)
  return { status, body: { ...envelope(status, message), code, requestId, ...(details ? { details } : {}) } }
}

/** Details may come from a plugin; what JSON cannot say is left out, so that an error can always be told. */
function publicDetails({ message: _message, ...details }: ErrorDetails): ErrorDetails | undefined {
  const sayable = Object.entries(details).filter(([, detail]) => isSayable(detail))
  return sayable.length > 0 ? Object.fromEntries(sayable) : undefined
}

function isSayable(value: unknown): boolean {
  try {
    JSON.stringify(value)
    return true
  } catch {
    return false
  }
}

/** What Postgres says when it has no connection free, is starting or stopping, or was lost (SQLSTATE), and its pool. */
const databaseAway = {
  codes: /^(08...|53300|57P0[123])$/,
  words: /^(Connection terminated|timeout exceeded when trying)/,
}

/**
 * An error that may be shown: itself when it is one of ours, else what is known of it. Its own words are only its cause.
 * Errors of the body parser carry a `type`, those of Postgres a `code`.
 *
 * @since 0.1.0
 */
export function knownErrorOf(error: unknown, requestId: string): TenonError {
  if (error instanceof TenonError) return error
  const { type, limit, code, message } = (typeof error === 'object' && error !== null ? error : {}) as {
    type?: string
    limit?: number
    code?: unknown
    message?: unknown
  }
  if (type === 'entity.too.large')
    return new TenonError('BODY_TOO_LARGE', { limit: `${Math.round((limit ?? 0) / 1_000_000)} MB` })
  if (type === 'entity.parse.failed' || type === 'charset.unsupported' || type === 'encoding.unsupported')
    return new TenonError('BODY_NOT_JSON')
  if (type === 'entity.too.deep')
    return new TenonError('VALIDATION_FAILED', {
      message: `The body of the request is nested deeper than ${wireConstants.maxDepth} levels.`,
    })
  if (type === 'entity.too.many.parts')
    return new TenonError('VALIDATION_FAILED', {
      message: 'The body of the request has too many lists, objects and names. Send less at once, or a file.',
    })
  if (error instanceof URIError)
    return new TenonError('VALIDATION_FAILED', { message: 'The address of the request is not valid.' })
  if (databaseAway.codes.test(String(code)) || databaseAway.words.test(String(message)))
    return new TenonError('DATABASE_UNAVAILABLE', {}, { cause: error })
  return new TenonError('INTERNAL', { requestId }, { cause: error })
}
