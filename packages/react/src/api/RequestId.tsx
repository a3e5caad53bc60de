import { ApiError } from './ApiError.js'

export interface RequestIdProps {
  error: Error | null | undefined
}

/**
 * The id under which the operator finds a request that failed: what a person needs to ask for help. Nothing for an error
 * that no server has told.
 *
 * @example
 * const { error } = useInstallations()
 * return error && <p role="alert">{error.message} <RequestId error={error} /></p>
 * @since 0.1.0
 */
export function RequestId({ error }: RequestIdProps) {
  const id = error instanceof ApiError ? error.requestId : undefined
  return id ? <span className="tn-request-id">Request {id}</span> : null
}
