import type { RJSFSchema, UiSchema } from '@rjsf/utils'
import { propertiesOf } from '@tenon/contract/json-schema'

type Schema = Record<string, unknown>

const longText = 300

/** How a schema wants to be shown: the order, hints and secrecy that a plugin's schema declares. */
export function uiSchemaOf(schema: RJSFSchema): UiSchema {
  const properties = propertiesOf(schema as Schema) as Record<string, Schema>
  const names = Object.keys(properties)
  const order = names.toSorted((a, b) => orderOf(properties[a]) - orderOf(properties[b]))
  return {
    ...(order.length > 0 ? { 'ui:order': [...order, '*'] } : {}),
    ...Object.fromEntries(names.map((name) => [name, fieldOf(properties[name] ?? {})])),
  }
}

function fieldOf(schema: Schema): UiSchema {
  const placeholder = schema['x-placeholder']
  return {
    ...(schema['type'] === 'object' || schema['properties'] ? uiSchemaOf(schema as RJSFSchema) : {}),
    ...(isRecord(schema['items']) ? { items: fieldOf(schema['items']) } : {}),
    ...(typeof placeholder === 'string' ? { 'ui:placeholder': placeholder } : {}),
    ...widgetOf(schema),
  }
}

function widgetOf(schema: Schema): UiSchema {
  if (schema['writeOnly'] === true || schema['format'] === 'password') return { 'ui:widget': 'password' }
  const { maxLength } = schema
  if (schema['x-multiline'] === true || (typeof maxLength === 'number' && maxLength > longText)) {
    return { 'ui:widget': 'textarea' }
  }
  if (schema['type'] === 'array' && schema['uniqueItems'] === true) return { 'ui:widget': 'checkboxes' }
  return {}
}

function orderOf(schema: Schema | undefined): number {
  const order = schema?.['x-order']
  return typeof order === 'number' ? order : Number.MAX_SAFE_INTEGER
}

function isRecord(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
