import { isJsonObject, pointerKey } from '@tenon/contract'

/** A JSON Schema as far as finding secrets in a value needs it. */
export type JsonSchema = Record<string, unknown>

type ReplaceSecret = (value: unknown, path: string) => unknown

const branches = ['allOf', 'anyOf', 'oneOf', 'if', 'then', 'else'] as const

/**
 * A copy of `value` in which every part that the schema marks `"writeOnly": true` went through `replace`.
 * `path` is a JSON pointer. A replacement of `undefined` leaves the part out. A part counts as secret when any branch
 * of the schema says so, whether or not that branch applies: better one mask too many than one too few.
 */
export function replaceSecrets(value: unknown, schema: JsonSchema, replace: ReplaceSecret): unknown {
  return replaceIn(value, expand(schema), '', replace)
}

function replaceIn(value: unknown, schemas: JsonSchema[], path: string, replace: ReplaceSecret): unknown {
  if (schemas.some((schema) => schema['writeOnly'] === true)) return replace(value, path)
  if (Array.isArray(value)) {
    const items = schemas.flatMap((schema) => expand(schema['items']))
    return value.map((item, index) => replaceIn(item, items, `${path}/${index}`, replace))
  }
  if (!isJsonObject(value)) return value
  const entries = Object.entries(value).map(([key, part]): [string, unknown] => {
    const schemasOfKey = schemas.flatMap((schema) => [
      ...expand(propertyOf(schema, key)),
      ...expand(schema['additionalProperties']),
    ])
    return [key, replaceIn(part, schemasOfKey, `${path}/${pointerKey(key)}`, replace)]
  })
  return Object.fromEntries(entries.filter(([, part]) => part !== undefined))
}

/** The JSON pointers of the top-level and nested object properties that a schema marks as secret. */
export function secretPointers(schema: JsonSchema, path = ''): string[] {
  const found = new Set<string>()
  for (const part of expand(schema)) {
    for (const [key, property] of Object.entries(isJsonObject(part['properties']) ? part['properties'] : {})) {
      const pointer = `${path}/${pointerKey(key)}`
      const schemas = expand(property)
      if (schemas.some((candidate) => candidate['writeOnly'] === true)) found.add(pointer)
      else for (const candidate of schemas) for (const inner of secretPointers(candidate, pointer)) found.add(inner)
    }
  }
  return [...found]
}

function expand(schema: unknown, depth = 0): JsonSchema[] {
  if (!isJsonObject(schema) || depth > 16) return []
  const nested = branches.flatMap((branch) => {
    const part = schema[branch]
    return (Array.isArray(part) ? part : [part]).flatMap((candidate) => expand(candidate, depth + 1))
  })
  return [schema, ...nested]
}

function propertyOf(schema: JsonSchema, key: string): unknown {
  const properties = schema['properties']
  return isJsonObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined
}
