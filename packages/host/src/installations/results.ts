import { isJsonObject, TenonError, type TestConnectionResult, type ValidationResult } from '@tenon/contract'

/**
 * Accepts the result of install, configure and the like: anything that does not say `success: false` (C19, D-16).
 *
 * @throws TenonError PLUGIN_REFUSED with the plugin's own message.
 */
export function acceptResult(answer: unknown, plugin: string, verb: string): { message?: string } {
  const result = isJsonObject(answer) ? answer : {}
  const message = textOf(result['message'])
  if (result['success'] === false) {
    throw new TenonError('PLUGIN_REFUSED', {
      message: message ?? `${plugin} says that ${verb} failed, without giving a reason.`,
    })
  }
  return message === undefined ? {} : { message }
}

/** @throws TenonError CONFIGURATION_INVALID with the plugin's own errors. */
export function acceptValidation(answer: unknown): void {
  const { valid, errors } = (isJsonObject(answer) ? answer : {}) as Partial<ValidationResult>
  if (valid !== false) return
  const reasons = Array.isArray(errors) ? errors.slice(0, 50).map((error) => textOf(error) ?? '') : []
  throw new TenonError('CONFIGURATION_INVALID', {
    reasons: reasons.join('; ') || 'the plugin gives no reason',
    problems: reasons.map((message) => ({ field: '', message })),
  })
}

/** The answer of a connection test, cut to what people are shown. */
export function connectionTestOf(answer: unknown): TestConnectionResult {
  const { success, message, testedAt, steps, ...rest } = isJsonObject(answer) ? answer : {}
  return {
    ...rest,
    success: success === true,
    message: textOf(message) ?? (success === true ? 'Connection successful' : 'The plugin gives no reason.'),
    testedAt: textOf(testedAt) ?? new Date().toISOString(),
    ...(Array.isArray(steps) ? { steps: steps.slice(0, 50) as NonNullable<TestConnectionResult['steps']> } : {}),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 2_000) : undefined
}
