import { type OutputUnit, Validator } from '@cfworker/json-schema'
import {
  ErrorSchemaBuilder,
  type RJSFSchema,
  type RJSFValidationError,
  type ValidatorType,
  toErrorList,
} from '@rjsf/utils'
import { withSecretsAsText } from './secrets.js'

/**
 * Checks a form by interpreting its schema. Nothing is compiled, so it works on pages that forbid making code of text.
 * Patterns are left to the server: they are a stranger's, and one of them could keep the page busy for ever.
 */
export const validator: ValidatorType = {
  validateFormData(formData, schema) {
    const errors = problemsOf(schema, formData)
    const builder = new ErrorSchemaBuilder()
    for (const { property = '', message = '' } of errors) builder.addErrors(message, pathOf(property))
    return { errors, errorSchema: builder.ErrorSchema }
  },
  isValid: (schema, formData, rootSchema) => check(schema, formData, rootSchema).valid,
  rawValidation: (schema, formData) => ({ errors: check(schema, formData).errors as never[] }),
}

export { toErrorList }

/** Words that only hold others together; what is wrong is said by those. */
const containers = ['properties', 'items', 'allOf', 'if', 'then', 'else', '$ref', 'dependentSchemas', 'prefixItems']

function problemsOf(schema: RJSFSchema, formData: unknown): RJSFValidationError[] {
  const seen = new Set<string>()
  return check(schema, formData)
    .errors.filter(({ keyword }) => !containers.includes(keyword))
    .map(toProblem)
    .filter(({ property = '' }) => !seen.has(property) && seen.add(property))
}

function toProblem({ keyword, error, instanceLocation }: OutputUnit): RJSFValidationError {
  const missing = keyword === 'required' ? /property "([^"]+)"/.exec(error)?.[1] : undefined
  const pointer = instanceLocation.replace(/^#/, '') + (missing === undefined ? '' : `/${missing}`)
  return { property: pointer, message: sentenceOf(keyword, error), name: keyword, stack: `${pointer} ${error}` }
}

function sentenceOf(keyword: string, error: string): string {
  const [number = ''] = /-?[\d.]+(?=\D*$)/.exec(error) ?? []
  const sentences: Record<string, string> = {
    required: 'This is needed',
    minLength: 'This is needed',
    format: 'This does not look right',
    enum: 'Choose one of the values',
    oneOf: 'Choose one of the values',
    type: 'This is not of the right kind',
    minimum: `The least is ${number}`,
    maximum: `The most is ${number}`,
    minItems: 'Choose at least one',
    uniqueItems: 'Each value may be there once',
  }
  return sentences[keyword] ?? error
}

function check(schema: unknown, formData: unknown, rootSchema?: unknown) {
  const definitions = (rootSchema ?? {}) as { $defs?: object; definitions?: object }
  const whole = withoutPatterns(
    typeof schema === 'object' && schema !== null ? { ...pick(definitions), ...schema } : schema,
  )
  try {
    return new Validator(whole as never, '2020-12', false).validate(withSecretsAsText(formData))
  } catch {
    // A schema that cannot be followed is judged by the server.
    return { valid: true, errors: [] }
  }
}

/** The form hands over parts of a schema, whose references point to definitions of the whole. */
function pick({ $defs, definitions }: { $defs?: object; definitions?: object }): object {
  return { ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) }
}

function withoutPatterns(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutPatterns)
  if (typeof schema !== 'object' || schema === null) return schema
  const kept = Object.entries(schema).filter(
    ([name, value]) => !(name === 'pattern' && typeof value === 'string') && name !== 'patternProperties',
  )
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutPatterns(value)]))
}

/** `/a/b~1c` as its parts. */
export function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}
