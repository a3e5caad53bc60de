import { expect, test } from 'vitest'
import { propertiesOf } from './json-schema.js'

const text = { type: 'string' }

test('the properties of a schema are its own and those under conditions, however deep', () => {
  const schema = {
    properties: { kind: text },
    then: { properties: { url: text } },
    else: { allOf: [{ properties: { path: text } }, true] },
    oneOf: [{ anyOf: [{ properties: { token: text } }] }],
    items: { properties: { inner: text } },
  }
  expect(Object.keys(propertiesOf(schema)).toSorted()).toEqual(['kind', 'path', 'token', 'url'])
  expect(propertiesOf({ properties: [] })).toEqual({})
})

test('what a schema says of its own property comes before what a condition says', () => {
  const own = { ...text, title: 'own' }
  expect(propertiesOf({ properties: { kind: own }, then: { properties: { kind: text } } })).toEqual({ kind: own })
})

test('a property by the name of __proto__ is one', () => {
  const schema = JSON.parse('{"properties":{"__proto__":{"type":"string"}}}') as Record<string, unknown>
  expect(Object.keys(propertiesOf(schema))).toEqual(['__proto__'])
})
