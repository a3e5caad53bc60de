/** One thing that the server found wrong with a value. */
export interface FieldProblem {
  /** JSON pointer of the field; empty for the whole. */
  field: string
  message: string
}

/** A request that was refused or failed. `message` is the server's sentence for a person. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    message: string,
    /** HTTP status; 0 when the server was not reached. */
    readonly status: number,
    /** Stable name of the error, from the table of errors. */
    readonly code: string,
    readonly requestId?: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
  }

  /** True when the same may work in a moment: no server was reached, or one that stops or has only just begun. */
  get isPassing(): boolean {
    return this.status === 0 || this.status >= 502
  }

  /** True when nobody knows whether what was asked for was done: no answer came, or not one of the server's own. */
  get isUncertain(): boolean {
    const isOwn = this.code !== 'UNKNOWN' && this.code !== 'INTERNAL'
    return this.status === 0 || (this.status >= 500 && !isOwn)
  }

  /** What is wrong with which field, when the server said so. */
  get problems(): FieldProblem[] {
    const problems = this.details['problems']
    return Array.isArray(problems) ? problems.filter(isFieldProblem) : []
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return typeof value === 'object' && value !== null && 'field' in value && 'message' in value
}
