import { settledJson, type WireError } from '@tenon/contract/wire'

const maxMessage = 2_000
const maxName = 100
const maxStack = 4_000

/** An error as text. Reads each property once and survives getters that throw: the value is the plugin's. */
export function wireError(error: unknown): WireError {
  const described = describe(error)
  const stack = read(error, 'stack')
  const cause = read(error, 'cause')
  const retryable = read(error, 'retryable')
  const retryAfterMs = read(error, 'retryAfterMs')
  const settled = settledJson(read(error, 'settled'))
  return {
    ...described,
    ...(typeof retryable === 'boolean' ? { retryable } : {}),
    ...(isDuration(retryAfterMs) ? { retryAfterMs } : {}),
    ...(settled === undefined ? {} : { settled }),
    ...(typeof stack === 'string' ? { stack: stack.slice(0, maxStack) } : {}),
    ...(cause === undefined || cause === null ? {} : { cause: describe(cause) }),
  }
}

const isDuration = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0

function describe(error: unknown): { name: string; message: string; code?: string } {
  const name = read(error, 'name')
  const message = read(error, 'message')
  const code = read(error, 'code')
  return {
    name: typeof name === 'string' && name !== '' ? name.slice(0, maxName) : 'Error',
    message: (typeof message === 'string' ? message : textOf(error)).slice(0, maxMessage),
    ...(typeof code === 'string' ? { code: code.slice(0, maxName) } : {}),
  }
}

function read(value: unknown, key: string): unknown {
  try {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return 'a value that cannot be printed'
  }
}

/** An error that the host answered with, as the plugin sees it: name, message, code and details are the host's. */
export function errorFromHost({ name, message, code, details, cause }: WireError): Error {
  const error = new Error(message, cause ? { cause } : undefined)
  error.name = code === 'PERMISSION_DENIED' ? 'PermissionDenied' : name
  if (code === 'PERMISSION_DENIED') Object.assign(error, { permission: read(details, 'permission') })
  return Object.assign(error, code === undefined ? {} : { code }, details === undefined ? {} : { details })
}

/** What `fetch` and other libraries wrap around an error of theirs, and how deep at most. */
function denialIn(error: unknown, depth = 3): Error | undefined {
  if (!(error instanceof Error) || depth === 0) return undefined
  return read(error, 'name') === 'PermissionDenied' ? error : denialIn(read(error, 'cause'), depth - 1)
}

/** As the SDK describes it. */
export const isPermissionDenied = (error: unknown): boolean => denialIn(error) !== undefined

/** As the SDK describes it. */
export function missingPermission(error: unknown): string | undefined {
  const permission = read(denialIn(error), 'permission')
  return typeof permission === 'string' ? permission : undefined
}
