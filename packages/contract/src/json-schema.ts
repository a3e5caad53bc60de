import { isJsonObject, type JsonObject } from './json-pointer.js'

/** The properties that a schema knows of its object, those under conditions included; its own come before theirs. */
export function propertiesOf(schema: JsonObject): JsonObject {
  // Not assigned, so that one by the name of __proto__ is a property like others.
  return Object.fromEntries(propertyEntries(schema, []))
}

/** Into one list: the levels of a schema, each with a copy of all below it, would take many times as long. */
function propertyEntries(schema: JsonObject, found: [string, unknown][]): [string, unknown][] {
  const { properties, then, else: otherwise, allOf, anyOf, oneOf } = schema
  const parts = [allOf, anyOf, oneOf].flatMap((part) => (Array.isArray(part) ? (part as unknown[]) : []))
  for (const branch of [then, otherwise, ...parts]) if (isJsonObject(branch)) propertyEntries(branch, found)
  if (isJsonObject(properties)) for (const entry of Object.entries(properties)) found.push(entry)
  return found
}
