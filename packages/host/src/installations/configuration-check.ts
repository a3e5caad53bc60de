import { canonicalJson, TenonError } from '@tenon/contract'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormatsModule from 'ajv-formats'
import { RE2JS } from 're2js'
import { oversizeOf, takesTooLong, withinTime } from '../secrets/configuration-limits.js'

// ajv-formats is CommonJS with a default export; under NodeNext the function is its `default`.
const addFormats = addFormatsModule.default

export interface ConfigurationProblem {
  /** JSON pointer of the field, empty for the whole. */
  field: string
  message: string
}

/**
 * Finds what is wrong with a value by a JSON Schema that a plugin wrote. Patterns run on a linear-time engine, because
 * the schema is the attacker's text and this runs in the host. For the same reason a value beyond the configuration
 * limits is a problem before the schema is looked at.
 *
 * @throws TenonError PLUGIN_RESULT_INVALID when the schema itself cannot be used.
 * @throws TenonError CONFIGURATION_INVALID when checking takes longer than the configuration limits allow.
 */
export function findProblems(value: unknown, schema: Record<string, unknown>, plugin: string): ConfigurationProblem[] {
  const oversize = oversizeOf(value)
  if (oversize !== undefined) return [{ field: '', message: oversize }]
  const errors = withinPatience(JSON.stringify(schema), (text) =>
    withinTime(() => {
      const validate = validatorOf(text, schema, plugin)
      return validate(value) ? [] : (validate.errors ?? [])
    }),
  )
  return errors
    .filter(({ keyword }) => keyword !== 'if')
    .slice(0, 50)
    .map(({ instancePath, keyword, message, params }) => ({
      field:
        keyword === 'required'
          ? `${instancePath}/${String((params as { missingProperty?: string }).missingProperty)}`
          : instancePath,
      message: keyword === 'required' ? 'is required' : (message ?? 'is not valid'),
    }))
}

/** @throws TenonError CONFIGURATION_INVALID with one entry for each field. */
export function assertValid(value: unknown, schema: Record<string, unknown>, plugin: string): void {
  const problems = findProblems(value, schema, plugin)
  if (problems.length === 0) return
  const reasons = problems.map(({ field, message }) => `${field.slice(1) || 'the whole'} ${message}`).join('; ')
  throw new TenonError('CONFIGURATION_INVALID', { reasons, problems })
}

/** An honest check takes a few milliseconds; only slow ones count. */
const slowMs = 200
export const patience = { milliseconds: 2_000, windowMs: 60_000 }
const keptSlow = 500
/** Time that was spent on slow checks by a schema, since the first of them. */
const slow = new Map<string, { since: number; spentMs: number }>()

/**
 * Nobody else is served while a check runs, so a schema that makes slow ones gets a few seconds of them in a minute, however
 * often it is asked for.
 *
 * @throws TenonError CONFIGURATION_INVALID when it had them
 */
function withinPatience<Result>(schema: string, check: (schema: string) => Result): Result {
  const started = performance.now()
  const before = slow.get(schema)
  const known = before && started - before.since < patience.windowMs ? before : undefined
  if (known && known.spentMs >= patience.milliseconds) throw takesTooLong()
  try {
    return check(schema)
  } finally {
    const ms = performance.now() - started
    if (ms >= slowMs) {
      slow.delete(schema)
      slow.set(schema, { since: known?.since ?? started, spentMs: (known?.spentMs ?? 0) + ms })
      const [oldest] = slow.keys()
      if (slow.size > keptSlow && oldest !== undefined) slow.delete(oldest)
    }
  }
}

/** Compiling takes longer than validating, and the same few schemas come again and again. */
const validators = new Map<string, ValidateFunction>()
const keptValidators = 50

function validatorOf(text: string, schema: Record<string, unknown>, plugin: string): ValidateFunction {
  const validate = validators.get(text) ?? compile(schema, plugin)
  validators.delete(text)
  validators.set(text, validate)
  const [oldest] = validators.keys()
  if (validators.size > keptValidators && oldest !== undefined) validators.delete(oldest)
  return validate
}

function compile(schema: Record<string, unknown>, plugin: string): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, code: { regExp: linearRegExp } })
  addFormats(ajv)
  ajv.removeKeyword('uniqueItems').addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    error: { message: 'must NOT have duplicate items' },
    // ajv's own compares each item with each other one
    validate: (unique: boolean, items: unknown[]) => !unique || new Set(items.map(canonicalJson)).size === items.length,
  })
  try {
    return ajv.compile(schema)
  } catch (cause) {
    const reason = `the JSON Schema of its configuration: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new TenonError('PLUGIN_RESULT_INVALID', { plugin, reason }, { cause })
  }
}

const linearRegExp = Object.assign(
  (pattern: string) => {
    const compiled = RE2JS.compile(pattern)
    // ajv keeps compiled patterns by their text, which must therefore differ
    return { test: (text: string) => compiled.matcher(text).find(), toString: () => pattern }
  },
  { code: 'linearRegExp' },
)
