import { maxSettledBytes, type RunnerMessage, wireConstants } from '@tenon/contract/wire'
import * as z from 'zod'

const id = z.int().nonnegative()
const shortText = z.string().max(wireConstants.maxNameCharacters)
const errorCause = z.object({ name: shortText, message: z.string().max(2_100), code: shortText.optional() })
const wireError = errorCause.extend({
  stack: z.string().max(4_100).optional(),
  cause: errorCause.optional(),
  retryable: z.boolean().optional(),
  retryAfterMs: z.number().positive().optional(),
  settled: z.string().max(maxSettledBytes).optional(),
})
const names = z.array(shortText).max(wireConstants.maxNames)
const fault = z.enum(['PLUGIN_EXPORT_MISSING', 'ROUTE_NOT_FOUND', 'PLUGIN_RESULT_INVALID', 'RESULT_TOO_LARGE'])
const bytes = z.instanceof(Uint8Array)

const report = z.object({
  generation: z.enum(['seed', 'router', 'tenon']),
  exports: names,
  routes: names,
  routeRoles: z.record(shortText, shortText).refine((roles) => Object.keys(roles).length <= wireConstants.maxNames),
  events: names,
  connections: names,
  jobs: names,
  metadata: z.record(z.string(), z.unknown()).refine(isShort).optional(),
  codeCacheRejected: z.boolean().optional(),
})

/** The host keeps it with the installation, and tells it with each list of them. */
function isShort(metadata: object): boolean {
  try {
    return JSON.stringify(metadata).length <= wireConstants.maxMetadataCharacters
  } catch {
    return false
  }
}

const schemas = {
  ready: z.strictObject({ t: z.literal('ready') }),
  loaded: z.union([
    z.strictObject({ t: z.literal('loaded'), report, codeCache: bytes.optional() }),
    z.strictObject({
      t: z.literal('loaded'),
      failure: z.enum(['PLUGIN_PARSE_FAILED', 'PLUGIN_LOAD_FAILED', 'PLUGIN_EXPORT_MISSING']),
      error: wireError,
    }),
  ]),
  pong: z.strictObject({ t: z.literal('pong'), id }),
  // The usual one first: an answer that is tried as an error costs as much as the rest of the call's bookkeeping.
  answer: z.union([
    z.strictObject({ t: z.literal('answer'), id, value: z.unknown() }),
    z.strictObject({ t: z.literal('answer'), id, error: wireError, fault: fault.optional() }),
  ]),
  ask: z.strictObject({ t: z.literal('ask'), id, call: id, method: shortText, params: z.unknown() }),
  log: z.strictObject({
    t: z.literal('log'),
    call: id.optional(),
    level: z.enum(['debug', 'info', 'warn', 'error']),
    // What was cut ends in one character that says so.
    text: z.string().max(wireConstants.maxLineCharacters + 1),
    dropped: z.int().positive().optional(),
  }),
  progress: z.strictObject({
    t: z.literal('progress'),
    call: id,
    done: z.number(),
    total: z.number().optional(),
    message: z.string().max(500).optional(),
  }),
}

const byType = new Map<unknown, z.ZodType>(Object.entries(schemas))

/** A message from a runner, checked. @throws Error that says which rule it broke; never with its content. */
export function parseRunnerMessage(message: unknown): RunnerMessage {
  const type = typeof message === 'object' && message !== null ? (message as { t?: unknown }).t : undefined
  const schema = byType.get(type)
  if (!schema) throw new Error('a message of an unknown type arrived')
  const parsed = schema.safeParse(message)
  if (parsed.success) return parsed.data as RunnerMessage
  throw new Error(`a message "${String(type)}" is not as agreed (${parsed.error.issues[0]?.path.join('.') ?? ''})`)
}

/** Characters of the name of a file that a route answers, and of the type of what is in it. */
export const maxHeaderCharacters = 255

const routeAnswer = z.object({
  status: z.int().min(200).max(599).default(200),
  data: z.unknown(),
  buffer: bytes.optional(),
  filename: z.string().max(maxHeaderCharacters).optional(),
  contentType: z.string().max(maxHeaderCharacters).optional(),
  headers: z.record(z.string().max(100), z.union([z.string(), z.number(), z.array(z.string())])).optional(),
})

/** What a route handler answered. */
export interface RouteAnswer {
  status: number
  data?: unknown
  buffer?: Buffer | undefined
  filename?: string | undefined
  contentType?: string | undefined
  headers?: Record<string, string | number | string[]> | undefined
}

/** @throws Error that names the field which is not as agreed. */
export function parseRouteAnswer(value: unknown): RouteAnswer {
  const parsed = routeAnswer.safeParse(value)
  if (!parsed.success) throw new Error(`its answer has a wrong ${parsed.error.issues[0]?.path.join('.') || 'shape'}`)
  const { buffer, ...rest } = parsed.data
  if (bytesIn(rest.data) > wireConstants.maxBytesInJson)
    throw new Error('its answer has too many bytes in data, which JSON would say one by one: answer them as buffer')
  if (holdsBigint(rest.data)) throw new Error('its answer has a BigInt in data, which JSON cannot say')
  return { ...rest, ...(buffer ? { buffer: Buffer.from(buffer) } : {}) }
}

function bytesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if (ArrayBuffer.isView(value)) return value.byteLength
  return Object.values(value).reduce((sum: number, part) => sum + bytesIn(part), 0)
}

/** The wire carries what JSON cannot; an answer to a browser has to be JSON. The wire also limits how deep values are. */
function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  return Array.isArray(value) ? value.some(holdsBigint) : Object.values(value).some(holdsBigint)
}
