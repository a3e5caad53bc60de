import { TenonError } from '@tenon/contract'
import type { ZodError } from 'zod'

/** What was wrong with a request, field by field. */
export function validationFailed(error: ZodError): TenonError {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const message = issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message)).join('; ')
  return new TenonError('VALIDATION_FAILED', { message, issues })
}
