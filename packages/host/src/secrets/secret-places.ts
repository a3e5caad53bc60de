import { isJsonObject, pointerKey } from '@tenon/contract'

/**
 * A copy of a value of JSON in which the parts at some places went through `replace`. A place is how many parts come before
 * it in a walk from the top, in which what is inside of a replaced part does not count. `path` is a JSON pointer. A
 * replacement of `undefined` leaves the part out.
 */
export function replacePlaces(
  json: unknown,
  places: readonly number[],
  replace: (value: unknown, path: string) => unknown,
): unknown {
  const wanted = new Set(places)
  let next = 0

  function copy(value: unknown, path: string): unknown {
    if (wanted.has(next++)) return replace(value, path)
    if (Array.isArray(value)) return value.map((item, index) => copy(item, `${path}/${index}`))
    if (!isJsonObject(value)) return value
    const entries = Object.entries(value).map(([key, part]): [string, unknown] => [
      key,
      copy(part, `${path}/${pointerKey(key)}`),
    ])
    return Object.fromEntries(entries.filter(([, part]) => part !== undefined))
  }

  return copy(json, '')
}

/** The parts of a value of JSON at some places; see {@link replacePlaces}. */
export function partsAt(json: unknown, places: readonly number[]): unknown[] {
  const found: unknown[] = []
  replacePlaces(json, places, (value) => void found.push(value))
  return found
}
