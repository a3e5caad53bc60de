/** The thread of {@link createSchemaThreads}: does what the JSON Schema of a stranger says. */
import { isTenonError } from '@tenon/contract'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import { answerQuestions } from '../threads/answer-questions.js'
import { mergeBySchema } from './merge-secrets.js'
import { compileSchema, problemsOf } from './schema-problems.js'
import { secretPlaces, type JsonSchema } from './schema-secrets.js'
import type { SchemaAnswer, SchemaQuestion } from './schema-threads.js'

interface Known {
  schema: JsonSchema
  validate?: ValidateFunction
}

/** The same few schemas come again and again: compiling one takes longer than using it. */
const known = new Map<string, Known>()
const maxKnown = 50
/** Of all that are known. A compiled schema takes some hundred bytes of memory for each. */
const maxKnownCharacters = 500_000

function knownOf(text: string): Known {
  const found = known.get(text) ?? { schema: JSON.parse(text) as JsonSchema }
  known.delete(text)
  known.set(text, found)
  let characters = [...known.keys()].reduce((sum, { length }) => sum + length, 0)
  for (const oldest of known.keys()) {
    if (oldest === text || (known.size <= maxKnown && characters <= maxKnownCharacters)) break
    known.delete(oldest)
    characters -= oldest.length
  }
  return found
}

function answer(question: SchemaQuestion): SchemaAnswer {
  try {
    const one = knownOf(question.schema)
    if (question.kind === 'merge') return merge(question, one.schema)
    const value: unknown = JSON.parse(question.value)
    if (question.kind === 'secrets') return { secrets: secretPlaces(value, one.schema) }
    return { problems: problemsOf(value, (one.validate ??= compileSchema(one.schema))) }
  } catch (error) {
    return { unusable: error instanceof Error ? error.message : String(error) }
  }
}

function merge({ sent, stored }: SchemaQuestion & { kind: 'merge' }, schema: JsonSchema): SchemaAnswer {
  try {
    const merged = mergeBySchema(JSON.parse(sent) as JsonSchema, JSON.parse(stored) as JsonSchema, schema)
    const json = JSON.stringify(merged)
    return { merged: json, secrets: secretPlaces(JSON.parse(json), schema) }
  } catch (error) {
    if (isTenonError(error, 'CONFIGURATION_INVALID')) return { refused: error.details }
    throw error
  }
}

// What is run for the first time takes ten times as long, and should not count against whoever asks first.
problemsOf({}, compileSchema({ type: 'object', properties: { url: { type: 'string', format: 'uri', pattern: '^h' } } }))
answerQuestions(answer)
