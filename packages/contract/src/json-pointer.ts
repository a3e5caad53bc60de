/** An object of JSON: neither null nor an array. */
export type JsonObject = Record<string, unknown>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One key of a JSON pointer (RFC 6901), escaped. */
export function pointerKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** What a JSON pointer points at, or undefined. Never looks at inherited properties. */
export function valueAt(value: unknown, pointer: string): unknown {
  return pointerKeys(pointer).reduce(childOf, value)
}

/** Sets, or with `undefined` removes, what a JSON pointer points at. Does nothing when its parent is absent. */
export function setValueAt(value: unknown, pointer: string, replacement: unknown): void {
  const keys = pointerKeys(pointer)
  const last = keys.pop()
  const parent = keys.reduce(childOf, value)
  if (last === undefined || !isJsonObject(parent)) return
  if (replacement === undefined) delete parent[last]
  else parent[last] = replacement
}

function pointerKeys(pointer: string): string[] {
  if (pointer === '') return []
  return pointer
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function childOf(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[Number(key)] as unknown
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
}
