import { isJsonObject, valueAt } from '@tenon/contract'
import { RE2JS } from 're2js'

/** A JSON Schema as far as finding secrets in a value needs it. */
export type JsonSchema = Record<string, unknown>

/** All parts of a schema that speak of one and the same part of a value. */
type SchemaParts = ReadonlySet<JsonSchema>

/** Says which parts of a value are secret while somebody walks down through it. */
export interface SecretMap {
  /** The schema parts of the whole value. */
  readonly whole: SchemaParts
  isSecret(parts: SchemaParts): boolean
  ofKey(parts: SchemaParts, key: string): SchemaParts
  ofItem(parts: SchemaParts, index: number): SchemaParts
}

/** Keywords whose schemas speak of the same part of the value as the schema they stand in. */
const samePlace = ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else'] as const
const samePlaceByName = ['dependentSchemas', 'dependencies'] as const
/** A reference that cannot be followed hides what it says: what it stands for counts as secret. */
const unreadable: JsonSchema = { writeOnly: true }

/** By schema: one is asked for again and again. */
const maps = new WeakMap<JsonSchema, SecretMap>()

/**
 * Reads a schema for `"writeOnly": true`. A part counts as secret when any branch of the schema says so, whether or not
 * that branch applies: better one mask too many than one too few.
 */
export function secretMapOf(schema: JsonSchema): SecretMap {
  const map = maps.get(schema) ?? createSecretMap(schema)
  maps.set(schema, map)
  return map
}

function createSecretMap(schema: JsonSchema): SecretMap {
  const patterns = new Map<string, (key: string) => boolean>()

  function close(candidates: unknown[]): SchemaParts {
    const parts = new Set<JsonSchema>()
    const waiting = candidates
    while (waiting.length > 0) {
      const part = waiting.pop()
      if (!isJsonObject(part) || parts.has(part)) continue
      parts.add(part)
      for (const keyword of samePlace) waiting.push(...listOf(part[keyword]))
      for (const keyword of samePlaceByName) waiting.push(...valuesOf(part[keyword]))
      for (const reference of [part['$ref'], part['$dynamicRef']]) {
        if (typeof reference === 'string') waiting.push(follow(reference, schema))
      }
    }
    return parts
  }

  function matches(pattern: string, key: string): boolean {
    const known = patterns.get(pattern) ?? compilePattern(pattern)
    patterns.set(pattern, known)
    return known(key)
  }

  return {
    whole: close([schema]),
    isSecret: (parts) => some(parts, (part) => part['writeOnly'] === true),
    ofKey: (parts, key) =>
      close(
        flat(parts, (part) => [
          ownValue(part['properties'], key),
          ...entriesOf(part['patternProperties']).flatMap(([pattern, inner]) => (matches(pattern, key) ? [inner] : [])),
          part['additionalProperties'],
          part['unevaluatedProperties'],
        ]),
      ),
    ofItem: (parts, index) =>
      close(
        flat(parts, (part) => [
          ...(Array.isArray(part['items']) ? [(part['items'] as unknown[])[index]] : [part['items']]),
          ...(Array.isArray(part['prefixItems']) ? [(part['prefixItems'] as unknown[])[index]] : []),
          part['additionalItems'],
          part['unevaluatedItems'],
          part['contains'],
        ]),
      ),
  }
}

/**
 * The places of the parts that the schema marks `"writeOnly": true`, as `replacePlaces` counts them. Runs in a thread: a
 * schema of a few lines can ask for more work than there is time.
 */
export function secretPlaces(json: unknown, schema: JsonSchema): number[] {
  const map = secretMapOf(schema)
  const found: number[] = []
  let next = 0

  function visit(value: unknown, parts: SchemaParts): void {
    const place = next++
    if (map.isSecret(parts)) found.push(place)
    else if (Array.isArray(value)) value.forEach((item, index) => visit(item, map.ofItem(parts, index)))
    else if (isJsonObject(value)) for (const [key, part] of Object.entries(value)) visit(part, map.ofKey(parts, key))
  }

  visit(json, map.whole)
  return found
}

function follow(reference: string, schema: JsonSchema): unknown {
  const fragment = decode(reference)
  if (fragment === '#') return schema
  const target = fragment.startsWith('#/') ? valueAt(schema, fragment.slice(1)) : findAnchor(schema, fragment.slice(1))
  return isJsonObject(target) || typeof target === 'boolean' ? target : unreadable
}

function findAnchor(schema: unknown, name: string): unknown {
  const waiting = [schema]
  while (waiting.length > 0) {
    const part = waiting.pop()
    if (isJsonObject(part) && (part['$anchor'] === name || part['$dynamicAnchor'] === name)) return part
    if (typeof part === 'object' && part !== null) waiting.push(...(Object.values(part) as unknown[]))
  }
  return undefined
}

function decode(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    return reference
  }
}

/** The pattern is the plugin's text: it runs on an engine that takes linear time. One that cannot be read matches all. */
function compilePattern(pattern: string): (key: string) => boolean {
  try {
    const compiled = RE2JS.compile(pattern)
    return (key) => compiled.matcher(key).find()
  } catch {
    return () => true
  }
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : [value])
const entriesOf = (value: unknown): [string, unknown][] => (isJsonObject(value) ? Object.entries(value) : [])
const valuesOf = (value: unknown): unknown[] => (isJsonObject(value) ? Object.values(value) : [])

function ownValue(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}

function some(parts: SchemaParts, test: (part: JsonSchema) => boolean): boolean {
  for (const part of parts) if (test(part)) return true
  return false
}

function flat(parts: SchemaParts, read: (part: JsonSchema) => unknown[]): unknown[] {
  const found: unknown[] = []
  for (const part of parts) found.push(...read(part))
  return found
}
