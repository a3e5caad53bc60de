import { canonicalJson, isJsonObject, pointerKey, TenonError } from '@tenon/contract'
import { secretMapOf, type JsonSchema } from './schema-secrets.js'
import { isSecretName } from './secret-names.js'

type Configuration = Record<string, unknown>

/** Which parts of a value are secret, at one place in it. */
interface Place {
  /** JSON pointer. */
  path: string
  isSecret: boolean
  key(name: string): Place
  item(index: number): Place
}

/** Completes what a person sent with the stored secrets: masked or absent ones stay, null removes, text replaces. */
export function mergeBySchema(sent: Configuration, clear: Configuration, schema: JsonSchema): Configuration {
  const map = secretMapOf(schema)
  const place = (parts: typeof map.whole, path: string): Place => ({
    path,
    isSecret: map.isSecret(parts),
    key: (name) => place(map.ofKey(parts, name), `${path}/${pointerKey(name)}`),
    item: (index) => place(map.ofItem(parts, index), `${path}/${index}`),
  })
  return merge(sent, clear, place(map.whole, '')) as Configuration
}

/** The same without a schema: secret is what has a secret's name, and what comes back as a mask. */
export function mergeByName(sent: Configuration, clear: Configuration): Configuration {
  const place = (path: string, isSecret: boolean): Place => ({
    path,
    isSecret,
    key: (name) => place(`${path}/${pointerKey(name)}`, isSecretName(name)),
    item: (index) => place(`${path}/${index}`, false),
  })
  return withoutNull(merge(sent, clear, place('', false))) as Configuration
}

function merge(sent: unknown, clear: unknown, place: Place): unknown {
  if (place.isSecret) return isMask(sent) ? clear : sent === null ? undefined : sent
  if (Array.isArray(sent)) return mergeList(sent, Array.isArray(clear) ? (clear as unknown[]) : [], place)
  if (!isJsonObject(sent)) return sent
  const before = isJsonObject(clear) ? clear : {}
  const kept = Object.entries(before).filter(([key]) => !Object.hasOwn(sent, key) && place.key(key).isSecret)
  const merged = Object.entries(sent).map(([key, value]): [string, unknown] => [
    key,
    merge(value, Object.hasOwn(before, key) ? before[key] : undefined, place.key(key)),
  ])
  return Object.fromEntries([...kept, ...merged].filter(([, value]) => value !== undefined))
}

/**
 * Items move, so the place of an item says nothing about whose secret it had: a secret goes to the item whose other
 * values are those of the stored one.
 */
function mergeList(sent: unknown[], clear: unknown[], place: Place): unknown[] {
  const storedByRest = new Map<string, number[]>()
  clear.forEach((item, index) => {
    const rest = restOf(item, place.item(index))
    storedByRest.set(rest, [...(storedByRest.get(rest) ?? []), index])
  })
  const merged = sent.map((item, index) => {
    const here = place.item(index)
    const same = storedByRest.get(restOf(item, here)) ?? []
    if (sent.length === clear.length && same.includes(index)) return merge(item, clear[index], here)
    const first = clear[same[0] ?? -1]
    const alike = same.every((other) => canonicalJson(clear[other]) === canonicalJson(first))
    if (same.length > 0 && alike) return merge(item, first, here)
    assertNoMask(item, here)
    return merge(item, undefined, here)
  })
  return merged.filter((item) => item !== undefined)
}

/** @throws TenonError CONFIGURATION_INVALID for a mask that stands for no stored secret that can be told. */
function assertNoMask(value: unknown, place: Place): void {
  if (place.isSecret && isMask(value)) {
    const message = 'is a secret of an item that was changed; type it again'
    throw new TenonError('CONFIGURATION_INVALID', {
      reasons: `${place.path.slice(1)} ${message}`,
      problems: [{ field: place.path, message }],
    })
  }
  if (Array.isArray(value)) value.forEach((item, index) => assertNoMask(item, place.item(index)))
  else if (isJsonObject(value)) for (const [key, part] of Object.entries(value)) assertNoMask(part, place.key(key))
}

/** A value without its secrets, as text to compare by. */
function restOf(value: unknown, place: Place): string {
  return canonicalJson(without(value, place))
}

function without(value: unknown, place: Place): unknown {
  if (place.isSecret) return undefined
  if (Array.isArray(value)) return value.map((item, index) => without(item, place.item(index)))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, without(part, place.key(key))]))
}

function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNull(part)]])),
  )
}

export function isMask(value: unknown): boolean {
  return isJsonObject(value) && value['$secret'] === true
}
