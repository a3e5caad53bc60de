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
/** In one value. Of more, nothing is kept but by a plugin itself. */
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

  /** A character for each byte finds every form, whatever stands around it. */
  function redactBytes(given: Uint8Array, found: readonly string[]): Uint8Array {
    const whole = latin1(given)
    const redacted = redactText(whole, found)
    if (redacted === whole) return given
    const bytes = Buffer.from(redacted, 'latin1')
    return Object.hasOwn(given, 'toJSON') ? withoutJson(bytes) : bytes
  }

  /** Looks for each form once in all there is, and not once in each of a hundred thousand texts. */
  function redact(value: unknown): unknown {
    const words: string[] = []
    const pieces: Uint8Array[] = []
    collect(value, words, pieces)
    const isLittle = pieces.reduce((sum, { length }) => sum + length, 0) <= maxBytes
    const found = formsIn(words.join('\n'), forms)
    const foundInBytes = isLittle ? formsIn(pieces.map(latin1).join('\n'), forms.map(asBytes)) : []
    if (found.length + foundInBytes.length === 0) return value
    return replaced(
      value,
      (text) => redactText(text, found),
      (bytes) => redactBytes(bytes, foundInBytes),
    )
  }

  return {
    hide(value) {
      const isFresh = (secret: string) =>
        secret.length >= shortest && secret.length <= maxKnownCharacters && !known.has(secret)
      // Of more, the first would be forgotten at once.
      const fresh = [...new Set(textsIn(value).filter(isFresh))].slice(-maxKnown)
      if (fresh.length === 0) return
      for (const secret of fresh) {
        known.set(secret, formsOf(secret))
        characters += secret.length
        forgetOldest()
      }
      // The longest first: one secret may be a part of another.
      forms = [...new Set([...known.values()].flat())].sort((a, b) => b.length - a.length)
    },
    text: (given) => redactText(given, forms),
    value: <Value>(value: Value) => (forms.length === 0 ? value : (redact(value) as Value)),
  }
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')
const asBytes = (form: string) => Buffer.from(form).toString('latin1')
const formsIn = (text: string, forms: readonly string[]) => forms.filter((form) => text.includes(form))

function redactText(given: string, forms: readonly string[]): string {
  let redacted = given
  for (const form of forms) redacted = redacted.replaceAll(form, '[hidden]')
  return redacted
}

/** Dates, and what else is no JSON, are left alone. */
function isPlain(value: unknown): value is Record<string, unknown> {
  return isJsonObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null)
}

function collect(value: unknown, words: string[], pieces: Uint8Array[]): void {
  if (typeof value === 'string') words.push(value)
  else if (Array.isArray(value)) for (const part of value) collect(part, words, pieces)
  else if (value instanceof Uint8Array) pieces.push(value)
  else if (isPlain(value)) {
    for (const [key, part] of Object.entries(value)) {
      words.push(key)
      collect(part, words, pieces)
    }
  }
}

function replaced(
  value: unknown,
  inText: (text: string) => string,
  inBytes: (bytes: Uint8Array) => Uint8Array,
): unknown {
  if (typeof value === 'string') return inText(value)
  if (Array.isArray(value)) return value.map((part) => replaced(part, inText, inBytes))
  if (value instanceof Uint8Array) return inBytes(value)
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [inText(key), replaced(part, inText, inBytes)]))
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
