/** S62: reason phrases of the statuses that the envelope knows. */
const reasonPhrases: Record<number, string> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Payload Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** What every answer below 500 looks like. */
export interface Envelope<T> {
  message: string
  data: T
}

/** What every answer from 500 on looks like. */
export interface FailureEnvelope {
  message: string
  error: unknown
}

/** The envelope of an answer: `{ message, data }` below 500, `{ message, error }` from 500 on (S62). */
export function envelope(status: number, content: unknown): Envelope<unknown> | FailureEnvelope {
  const message = reasonPhrases[status] ?? (status >= 500 ? 'Server Error' : 'Answer')
  return status >= 500 ? { message, error: content } : { message, data: content }
}

/** S62: `STATUS_CODE[200](data)`, for code that is written in the seed's way. */
export const STATUS_CODE: Readonly<Record<number, (content: unknown) => Envelope<unknown> | FailureEnvelope>> =
  Object.fromEntries(
    Object.keys(reasonPhrases).map((status) => [status, (content: unknown) => envelope(Number(status), content)]),
  )
