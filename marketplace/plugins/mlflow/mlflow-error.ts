/**
 * `network`, `timeout`, `busy`, `unavailable` and `fault` (the server's own) pass by themselves. `address` is one that cannot be reached from here until
 * somebody changes it, or what the operator allows; `answer` is one that no MLflow gives.
 */
export type MlflowFailure =
  | 'address'
  | 'network'
  | 'tls'
  | 'timeout'
  | 'authentication'
  | 'permission'
  | 'not-found'
  | 'busy'
  | 'unavailable'
  | 'fault'
  | 'answer'
  | 'cancelled'

/**
 * Why the tracking server could not be read. The message is for a person; it never repeats what the server said, because
 * whoever may enter an address could otherwise read any page that this machine can reach.
 */
export class MlflowError extends Error {
  readonly failure: MlflowFailure
  readonly status: number | undefined
  /** MLflow's own word, such as `RESOURCE_DOES_NOT_EXIST`. */
  readonly errorCode: string | undefined
  readonly retryAfterMs: number | undefined

  constructor(
    failure: MlflowFailure,
    message: string,
    details: { status?: number; errorCode?: string | undefined; retryAfterMs?: number | undefined } = {},
  ) {
    super(message)
    this.name = 'MlflowError'
    this.failure = failure
    this.status = details.status
    this.errorCode = details.errorCode
    this.retryAfterMs = details.retryAfterMs
  }
}

/** What a status other than 2xx means. `errorCode` is only believed when it looks like one of MLflow's. */
export function errorOfStatus(
  status: number,
  host: string,
  { errorCode, retryAfterMs }: { errorCode?: string | undefined; retryAfterMs?: number | undefined } = {},
): MlflowError {
  const [failure, sentence] = meaningOf(status, host, retryAfterMs)
  return new MlflowError(failure, sentence, { status, errorCode, retryAfterMs })
}

type RouteStatus = 409 | 422 | 429 | 502 | 503 | 504

/** Those that pass, and the one that somebody wanted; for the others somebody has to do something first. */
const STATUSES: Partial<Record<MlflowFailure, RouteStatus>> = {
  network: 502,
  busy: 429,
  unavailable: 503,
  fault: 502,
  timeout: 504,
  cancelled: 409,
}

/** The status of a route that could not read the server: 429 or 502 to 504 when it may go better later, else 409 or 422. */
export function routeStatusOf(failure: MlflowFailure): RouteStatus {
  return STATUSES[failure] ?? 422
}

function meaningOf(status: number, host: string, retryAfterMs = 60_000): [MlflowFailure, string] {
  if (status === 401) {
    return ['authentication', `${host} refused the sign-in (401). Check the authentication method and its fields.`]
  }
  if (status === 403) {
    return [
      'permission',
      `${host} knows you but does not let you read the model registry (403). Ask its administrator.`,
    ]
  }
  if (status === 404) {
    return ['not-found', `There is no MLflow API at this address of ${host} (404). Check the path of the URL.`]
  }
  if (status >= 300 && status < 400) {
    const advice =
      'Enter the address that it redirects to. If that is a page for signing in, choose a way to sign in that needs no page.'
    return ['answer', `${host} redirects to another address (${status}). ${advice}`]
  }
  if (status === 429) {
    return ['busy', `${host} is answering too many requests (429). Try again in ${spanOf(retryAfterMs)}.`]
  }
  if (status === 503) return ['unavailable', `${host} cannot answer at the moment (503). Try again later.`]
  if (status >= 500) return ['fault', `${host} has a problem of its own (${status}). Try again later.`]
  return [
    'answer',
    `${host} did not accept the request (${status}). It may be another version of MLflow, or no MLflow.`,
  ]
}

function spanOf(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000)
  if (seconds === 60) return 'a minute'
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`
}

/** What an error of a socket or of TLS means. */
export function errorOfConnection(error: unknown, host: string): MlflowError {
  const code = codeOf(error)
  const tls = tlsSentence(code, host)
  if (tls) return new MlflowError('tls', tls)
  if (/^HPE_/.test(code)) {
    return new MlflowError('answer', `${host} does not speak HTTP at this port (${code}). Check the port.`)
  }
  const stays = ['ENOTFOUND', 'EACCES', 'EPERM', 'EINVAL'].includes(code)
  return new MlflowError(stays ? 'address' : 'network', networkSentence(code, host))
}

function networkSentence(code: string, host: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Nothing answers at ${host} (ECONNREFUSED). Check the port and that the MLflow server is running.`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The name ${host} cannot be found (${code}). Check its spelling.`
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${host} cannot be reached from here (${code}). Is it behind a firewall?`
    case 'EACCES':
    case 'EPERM':
      return `Connections to ${host} are not allowed here (${code}). Ask whoever runs this application to allow it.`
    case 'ECONNRESET':
    case 'EPIPE':
      return `${host} ended the connection (${code}). Check whether it wants http or https.`
    default:
      return `The connection to ${host} failed (${code}). Check the address, and that the MLflow server is running.`
  }
}

function tlsSentence(code: string, host: string): string | undefined {
  if (/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code)) {
    return `The certificate of ${host} is not signed by an authority that is known here (${code}). Turn off "Verify SSL" only if you trust the network.`
  }
  if (code === 'CERT_HAS_EXPIRED') return `The certificate of ${host} has expired. It has to be renewed there.`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate of ${host} was made for another name. Enter the name that it was made for, as the URL of the server.`
  }
  if (/^EPROTO$|SSL|TLS/.test(code))
    return `${host} does not speak TLS at this port (${code}). Try http:// instead of https://.`
  return undefined
}

function codeOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : 'unknown error'
}
