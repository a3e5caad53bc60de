import type { MlflowRelease } from './release.js'

/** An error as MLflow answers it. */
export class MlflowError extends Error {
  constructor(
    readonly status: number,
    readonly errorCode: string,
    readonly errorClass: string,
    message: string,
  ) {
    super(message)
  }

  /** MLflow 3 says more of it than MLflow 2. */
  bodyIn(release: MlflowRelease): Record<string, string> {
    const body = { error_code: this.errorCode, message: this.message }
    return release < 3 ? body : { ...body, sqlstate: 'KAM00', error_class: this.errorClass }
  }
}

export function invalidParameter(message: string): MlflowError {
  return new MlflowError(400, 'INVALID_PARAMETER_VALUE', 'INVALID_PARAMETER_VALUE', message)
}

export function notFound(message: string): MlflowError {
  return new MlflowError(404, 'RESOURCE_DOES_NOT_EXIST', 'RESOURCE_NOT_FOUND', message)
}
