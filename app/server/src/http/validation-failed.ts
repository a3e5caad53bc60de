import { TenonError } from '@tenon/contract'
import type { ZodError } from 'zod'

/** What was wrong with a request, field by field. */
export function validationFailed(error: ZodError): TenonError {
  const problems = error.issues.map(({ path, message }) => ({ field: path.join('.'), message }))
  const message = problems.map(({ field, message: what }) => (field ? `${field}: ${what}` : what)).join('; ')
  return new TenonError('VALIDATION_FAILED', { message, problems })
}
