import { canonicalJson } from '@tenon/contract'
import { Ajv2020, type Options, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormatsModule from 'ajv-formats'
import { RE2JS } from 're2js'
import type { JsonSchema } from './schema-secrets.js'

// ajv-formats is CommonJS with a default export; under NodeNext the function is its `default`.
const addFormats = addFormatsModule.default

export interface ConfigurationProblem {
  /** JSON pointer of the field, empty for the whole. */
  field: string
  message: string
}

const maxProblems = 50

/**
 * What a schema finds wrong with a value. Runs in a thread: a schema of a few lines can ask for more work, and for more
 * memory, than there is.
 */
export function problemsOf(value: unknown, validate: ValidateFunction): ConfigurationProblem[] {
  const errors = validate(value) ? [] : (validate.errors ?? [])
  return errors
    .filter(({ keyword }) => keyword !== 'if')
    .slice(0, maxProblems)
    .map(({ instancePath, keyword, message, params }) => ({
      field:
        keyword === 'required'
          ? `${instancePath}/${String((params as { missingProperty?: string }).missingProperty)}`
          : instancePath,
      message: keyword === 'required' ? 'is required' : (message ?? 'is not valid'),
    }))
}

/**
 * Patterns run on an engine whose time is linear in the text.
 *
 * @throws Error when the schema cannot be used
 */
export function compileSchema(schema: JsonSchema): ValidateFunction {
  // Holds the schema of schemas, which takes ten times as long to compile as most others.
  reader ??= createAjv({})
  void reader.validateSchema(schema, true)
  // Of its own: what a schema calls itself must not be found by others.
  return createAjv({ meta: false, validateSchema: false }).compile(schema)
}

let reader: Ajv2020 | undefined

function createAjv(options: Options): Ajv2020 {
  const ajv = new Ajv2020({ ...options, strict: false, allErrors: true, logger: false, code: { regExp: linearRegExp } })
  addFormats(ajv)
  ajv.removeKeyword('uniqueItems').addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    // ajv's own compares each item with each other one
    validate: (unique: boolean, items: unknown[]) => !unique || new Set(items.map(canonicalJson)).size === items.length,
  })
  return ajv
}

const linearRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    // ajv keeps compiled patterns by their text, which must therefore differ
    return { test: (text: string) => compiled.matcher(text).find(), toString: () => pattern }
  },
  { code: 'linearRegExp' },
)
