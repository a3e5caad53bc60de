import { WireViolation } from './frames.js'
import { wireConstants } from './wire-limits.js'

/**
 * Values as JSON text, with tags for what JSON cannot say: `{"$":"date","v":…}`. Bytes are not in the text: the text
 * names an attachment that travelled before it. Own `__proto__` keys are dropped in both directions.
 */

const { maxDepth, envelopeLevels } = wireConstants
/** Of a whole message. */
const maxLevels = maxDepth + envelopeLevels

/** Reading more takes long. */
const bigintDigits = /^-?\d{1,1000}$/

/** A value that cannot be put on the wire, with the reason. */
export class UnsendableValue extends Error {
  override readonly name = 'UnsendableValue'
  readonly code: string

  constructor(message: string, code = 'UNSENDABLE_VALUE') {
    super(message)
    this.code = code
  }
}

/** Takes bytes that must travel beside the text and returns the number that the text calls them by. */
export type Attach = (bytes: Uint8Array) => number
/** Gives the bytes of an attachment, once. */
export type Detach = (id: number, size: number) => Buffer

interface Tagged {
  $: string
  v?: unknown
  size?: number
}

/** @throws UnsendableValue for a circular value or one nested deeper than 100 levels. */
export function encodeValue(value: unknown, attach: Attach): string {
  return JSON.stringify(pack(value, attach, 0)) ?? 'null'
}

/**
 * @param maxBytesInJson when there are more bytes in the value, nobody can make JSON of them any more
 * @throws WireViolation when the text is not JSON or has a tag that means nothing.
 */
export function decodeValue(text: string, detach: Detach, maxBytesInJson = Infinity): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new WireViolation(`a message is not JSON: ${(error as Error).message}`)
  }
  // The walk is only for texts that can contain a tag or a __proto__ key, also one spelled with escapes.
  const plain = !text.includes('"$"') && !text.includes('__proto__') && !text.includes('\\u')
  if (plain) return parsed
  const attached: Buffer[] = []
  const value = unpack(parsed, (id, size) => attached[attached.push(detach(id, size)) - 1] as Buffer, 0)
  if (attached.reduce((sum, { length }) => sum + length, 0) > maxBytesInJson) attached.forEach(withoutJson)
  return value
}

/**
 * JSON says each byte as a number of a list, which takes a second and hundreds of megabytes for a few megabytes: whoever
 * makes JSON of these gets an error instead.
 */
export function withoutJson<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  return Object.defineProperty(bytes, 'toJSON', { value: refuseJson })
}

function refuseJson(): never {
  const most = wireConstants.maxBytesInJson.toLocaleString('en')
  throw new UnsendableValue(`The value has more than ${most} bytes in it, which JSON would say one by one.`)
}

function pack(value: unknown, attach: Attach, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : { $: 'number', v: String(value) }
    case 'bigint':
      return packBigint(value.toString())
    case 'object':
      return value === null ? null : packObject(value, attach, depth)
    default:
      return { $: 'undefined' }
  }
}

function packBigint(digits: string): Tagged {
  if (!bigintDigits.test(digits)) throw new UnsendableValue('The value has a BigInt of more than 1,000 digits.')
  return { $: 'bigint', v: digits }
}

function packObject(value: object, attach: Attach, depth: number): unknown {
  if (depth >= maxLevels) throw new UnsendableValue(`The value is circular or nested deeper than ${maxDepth} levels.`)
  if (value instanceof Date) return { $: 'date', v: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (ArrayBuffer.isView(value)) return packBytes(bytesOf(value), attach)
  if (value instanceof ArrayBuffer) return packBytes(new Uint8Array(value), attach)
  if (Array.isArray(value)) return value.map((item) => pack(item, attach, depth + 1))
  if (hasToJson(value)) return pack(value.toJSON(), attach, depth + 1)
  if (value instanceof Error) return packFields(fieldsOfError(value), attach, depth)
  return packFields(value as Record<string, unknown>, attach, depth)
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}

/** Name and message of an error are not its own enumerable fields, and would be lost. */
function fieldsOfError(error: Error): Record<string, unknown> {
  return { ...Object.assign({ name: error.name, message: error.message }, error) }
}

function packBytes(bytes: Uint8Array, attach: Attach): Tagged {
  return { $: 'bytes', v: attach(bytes), size: bytes.byteLength }
}

function packFields(fields: Record<string, unknown>, attach: Attach, depth: number): unknown {
  const packed: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) {
    const field = fields[key]
    if (key === '__proto__' || typeof field === 'function' || typeof field === 'symbol') continue
    packed[key] = pack(field, attach, depth + 1)
  }
  return Object.hasOwn(packed, '$') ? { $: 'object', v: packed } : packed
}

function unpack(value: unknown, detach: Detach, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth >= maxLevels * 2) throw new WireViolation('a message is nested too deep')
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = unpack(value[i], detach, depth + 1)
    return value
  }
  if (Object.hasOwn(value, '$')) return unpackTagged(value as Tagged, detach, depth)
  return unpackFields(value as Record<string, unknown>, detach, depth)
}

function unpackFields(fields: Record<string, unknown>, detach: Detach, depth: number): unknown {
  for (const key of Object.keys(fields)) {
    if (key === '__proto__') delete fields[key]
    else fields[key] = unpack(fields[key], detach, depth + 1)
  }
  return fields
}

function unpackTagged(tagged: Tagged, detach: Detach, depth: number): unknown {
  const { $: tag, v } = tagged
  if (tag === 'undefined') return undefined
  if (tag === 'date') return new Date(typeof v === 'number' ? v : Number.NaN)
  if (tag === 'number' && typeof v === 'string') return Number(v)
  if (tag === 'bigint' && typeof v === 'string' && bigintDigits.test(v)) return BigInt(v)
  if (tag === 'bytes' && typeof v === 'number' && typeof tagged.size === 'number') return detach(v, tagged.size)
  if (tag === 'object' && typeof v === 'object' && v !== null && !Array.isArray(v)) {
    return unpackFields(v as Record<string, unknown>, detach, depth + 1)
  }
  throw new WireViolation('a message has a tag that means nothing')
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}
