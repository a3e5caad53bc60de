import { isJsonObject } from '@tenon/contract'
import { replaceSecrets, type JsonSchema } from './schema-secrets.js'
import { isSecretName } from './secret-names.js'

/** Takes known secrets out of what leaves a call besides its answer: log lines, errors, messages. */
export interface Redactor {
  /** Makes every text in `value` (6 characters or more) known as a secret. */
  hide(value: unknown): void
  text(text: string): string
  /** The same in every text of a value of JSON. */
  value<Value>(value: Value): Value
}

/** Shorter texts are part of ordinary words. */
const shortest = 6

export function createRedactor(): Redactor {
  const secrets = new Set<string>()

  function text(given: string): string {
    let redacted = given
    for (const secret of secrets) redacted = redacted.replaceAll(secret, '[hidden]')
    return redacted
  }

  function redact(value: unknown): unknown {
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return value.map(redact)
    // Bytes and dates are left alone
    if (!isJsonObject(value) || ![Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null))
      return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [text(key), redact(part)]))
  }

  return {
    hide(value) {
      const found = textsIn(value).flatMap((secret) => [
        secret,
        // as it appears in printed JSON and in addresses
        JSON.stringify(secret).slice(1, -1),
        // through bytes, because half a character has no such form
        encodeURIComponent(Buffer.from(secret).toString()),
      ])
      // The longest first: one secret may be a part of another.
      const all = [...secrets, ...found].filter(({ length }) => length >= shortest).sort((a, b) => b.length - a.length)
      secrets.clear()
      for (const secret of all) secrets.add(secret)
    },
    text,
    value: <Value>(value: Value) => (secrets.size === 0 ? value : (redact(value) as Value)),
  }
}

/** The parts of a configuration in clear that are secret: by its schema, or without one by their names. */
export function secretsOf(configuration: Record<string, unknown>, schema: JsonSchema | undefined): unknown[] {
  if (!schema) return secretsByName(configuration)
  const found: unknown[] = []
  replaceSecrets(configuration, schema, (value) => void found.push(value))
  return found
}

function secretsByName(value: unknown): unknown[] {
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
