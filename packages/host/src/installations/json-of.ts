import { TenonError } from '@tenon/contract'

/** What a plugin handed over, as JSON. @throws TenonError VALIDATION_FAILED when JSON cannot say it */
export function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new TenonError('VALIDATION_FAILED', { message: (cause as Error).message }, { cause })
  }
}
