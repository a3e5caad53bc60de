import { z } from 'zod'
import { catalogEntrySchema } from './catalog.js'
import { isJsonObject } from './json-pointer.js'

/**
 * Fields of an entry that this version knows nothing of, such as `contributes.views.0.colums`. They are allowed, because
 * a later version may know them; an author mostly meant another one.
 */
export function unknownFields(entry: unknown): string[] {
  const schema = z.toJSONSchema(catalogEntrySchema, { io: 'input', unrepresentable: 'any' })
  return below(schema, entry, schema.$defs ?? {}).map((path) => path.join('.'))
}

type Schema = z.core.JSONSchema._JSONSchema
type Definitions = Record<string, Schema>

function below(schema: Schema, value: unknown, definitions: Definitions): string[][] {
  if (typeof schema === 'boolean') return []
  if (schema.$ref !== undefined) {
    return below(definitions[schema.$ref.replace('#/$defs/', '')] ?? {}, value, definitions)
  }
  const { properties, items } = schema
  if (Array.isArray(value) && items !== undefined && !Array.isArray(items)) {
    return value.flatMap((item, index) => within(String(index), below(items, item, definitions)))
  }
  // Without `properties` it is a record with names of the author's own.
  if (!isJsonObject(value) || properties === undefined) return []
  return Object.entries(value).flatMap(([name, field]) => {
    const known = properties[name]
    return known === undefined ? [[name]] : within(name, below(known, field, definitions))
  })
}

const within = (name: string, paths: string[][]): string[][] => paths.map((path) => [name, ...path])
