import { isJsonObject, type JsonObject } from './json-pointer.js'

/** The properties that a schema knows of its object, those under conditions included; its own come before theirs. */
export function propertiesOf(schema: JsonObject): JsonObject {
  const { properties, then, else: otherwise, allOf, anyOf, oneOf } = schema
  const parts = [allOf, anyOf, oneOf].flatMap((part) => (Array.isArray(part) ? (part as unknown[]) : []))
  const branches = [then, otherwise, ...parts].filter(isJsonObject).map(propertiesOf)
  const own = isJsonObject(properties) ? properties : {}
  // Not assigned, so that one by the name of __proto__ is a property like others.
  return Object.fromEntries([...branches, own].flatMap(Object.entries)) as JsonObject
}
