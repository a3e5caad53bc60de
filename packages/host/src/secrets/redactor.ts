import { isJsonObject } from '@tenon/contract'
import { withoutJson } from '@tenon/contract/wire'
import { isSecretName } from './secret-names.js'

/** Takes known secrets out of what leaves a call besides its answer: log lines, errors, messages. */
export interface Redactor {
  /** Makes every text in `value` (6 characters or more) known as a secret. */
  hide(value: unknown): void
  text(text: string): string
  /** The same in every text, and in the bytes, of a value of JSON. */
  value<Value>(value: Value): Value
}

/** Shorter texts are part of ordinary words. */
const shortest = 6
/** Of larger ones nothing is kept but by a plugin itself. */
const maxBytes = 256 * 1024
/** A plugin can open as many sealed values as it likes, of any size; the oldest are forgotten first. */
const maxKnown = 100
/** Of all that is known together. Keys and tokens have a few thousand; a text that is longer is no secret of a service. */
const maxKnownCharacters = 128 * 1024

export function createRedactor(): Redactor {
  /** The forms of each secret, the oldest first. */
  const known = new Map<string, readonly string[]>()
  let characters = 0
  let forms: readonly string[] = []

  function forgetOldest(): void {
    for (const secret of known.keys()) {
      if (known.size <= maxKnown && characters <= maxKnownCharacters) return
      known.delete(secret)
      characters -= secret.length
    }
  }

  function text(given: string): string {
    let redacted = given
    for (const form of forms) redacted = redacted.replaceAll(form, '[hidden]')
    return redacted
  }

  /** A character for each byte finds every form, whatever stands around it. */
  function bytes(given: Uint8Array): Uint8Array {
    const whole = Buffer.from(given).toString('latin1')
    let redacted = whole
    for (const form of forms) redacted = redacted.replaceAll(Buffer.from(form).toString('latin1'), '[hidden]')
    if (redacted === whole) return given
    const bytes = Buffer.from(redacted, 'latin1')
    return Object.hasOwn(given, 'toJSON') ? withoutJson(bytes) : bytes
  }

  function redact(value: unknown): unknown {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(redact)
    if (value instanceof Uint8Array && value.length <= maxBytes) return bytes(value)
    // Dates and what else is no JSON are left alone
    if (!isJsonObject(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
      return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [text(key), redact(part)]))
  }

  return {
    hide(value) {
      const isFresh = (secret: string) =>
        secret.length >= shortest && secret.length <= maxKnownCharacters && !known.has(secret)
      const fresh = new Set(textsIn(value).filter(isFresh))
      if (fresh.size === 0) return
      for (const secret of fresh) {
        known.set(secret, formsOf(secret))
        characters += secret.length
        forgetOldest()
      }
      // The longest first: one secret may be a part of another.
      forms = [...new Set([...known.values()].flat())].sort((a, b) => b.length - a.length)
    },
    text,
    value: <Value>(value: Value) => (forms.length === 0 ? value : (redact(value) as Value)),
  }
}

/** A secret as it is, and as it appears in printed JSON, in statements, in addresses, and in what is encoded. */
function formsOf(secret: string): string[] {
  // through bytes, because half a character has no such form
  const bytes = Buffer.from(secret)
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    // A text in a statement
    secret.replaceAll("'", "''"),
    encodeURIComponent(bytes.toString()),
    bytes.toString('hex'),
    ...base64FormsOf(bytes),
  ]
  return [...new Set(forms)].filter(({ length }) => length >= shortest)
}

/**
 * The part of every base64 text with these bytes somewhere in it that they alone decide: three, by how many bytes stand
 * before them, such as the name and the colon of a basic authorization.
 */
function base64FormsOf(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
    const whole = Math.floor((encoded.length * 8) / 6)
    const core = encoded.toString('base64').slice(Math.ceil((before * 8) / 6), whole)
    // Fewer characters than that are decided by too few bytes to be a secret.
    return core.length < shortest ? [] : [core, core.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

/** The parts of a configuration in clear whose names tell that they are secret. */
export function secretsByName(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value as Record<string, unknown>).flatMap(([key, part]): unknown[] =>
    isSecretName(key) ? [part] : secretsByName(part),
  )
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value === 'number') return [String(value)]
  return typeof value === 'object' && value !== null ? (Object.values(value) as unknown[]).flatMap(textsIn) : []
}
