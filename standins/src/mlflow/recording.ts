/** A request as it is recorded and replayed. */
export interface RecordedRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** A list repeats the parameter. */
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Readonly<Record<string, unknown>>
  /** Name of the exchange of the same file whose `next_page_token` this request sends: tokens are opaque and each server's own. */
  readonly pageTokenFrom?: string
  /** Which of the recording's credentials are sent; absent: none. */
  readonly credentials?: 'right' | 'wrong' | 'other'
}

export interface RecordedAnswer {
  readonly status: number
  readonly contentType: string
  readonly wwwAuthenticate?: string
  readonly body: unknown
}

/** One question to a real MLflow server, and what it said. */
export interface RecordedExchange {
  readonly name: string
  readonly request: RecordedRequest
  readonly answer: RecordedAnswer
}

/** One file under `recordings/mlflow-<major version>`. */
export interface Recording {
  readonly mlflowVersion: string
  readonly exchanges: readonly RecordedExchange[]
}

/** The credentials that a server with basic authentication was recorded with; `other` may sign in and sees nothing. */
export type Credentials = Readonly<Record<'right' | 'wrong' | 'other', { username: string; password: string }>>

/**
 * Sends a recorded request to a server and returns its answer, body parsed when it is JSON.
 * `pageTokens` maps names of earlier exchanges to the tokens that this server gave.
 */
export async function send(
  serverUrl: string,
  request: RecordedRequest,
  pageTokens: ReadonlyMap<string, string> = new Map(),
  credentials?: Credentials,
): Promise<RecordedAnswer> {
  const pageToken = request.pageTokenFrom && pageTokens.get(request.pageTokenFrom)
  const url = new URL(serverUrl + request.path)
  for (const [name, value] of Object.entries(request.query ?? {})) {
    for (const one of [value].flat()) url.searchParams.append(name, one)
  }
  if (pageToken && request.method === 'GET') url.searchParams.set('page_token', pageToken)

  const headers = new Headers()
  if (request.credentials && credentials) {
    const { username, password } = credentials[request.credentials]
    headers.set('authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`)
  }
  if (request.body) headers.set('content-type', 'application/json')

  const response = await fetch(url, {
    method: request.method,
    headers,
    ...(request.body && { body: JSON.stringify({ ...request.body, ...(pageToken && { page_token: pageToken }) }) }),
  })
  const text = await response.text()
  const contentType = response.headers.get('content-type') ?? ''
  const wwwAuthenticate = response.headers.get('www-authenticate')
  return {
    status: response.status,
    contentType,
    ...(wwwAuthenticate && { wwwAuthenticate }),
    body: contentType.startsWith('application/json') ? (JSON.parse(text) as unknown) : text,
  }
}

/** The token for the next page in an answer, if there is one. */
export function nextPageToken(answer: RecordedAnswer): string | undefined {
  const { body } = answer
  if (typeof body !== 'object' || body === null || !('next_page_token' in body)) return undefined
  return String(body.next_page_token)
}
