import { ApiError } from './ApiError.js'

/** How requests reach the server. One page talks to one server, so this is said once, for all of them. */
export interface RequestOptions {
  /** Address of the API without a slash at its end. Default: `/api`. */
  baseUrl: string
  /** Sent with every request: a bearer token, or the token against forged requests. */
  headers: () => Record<string, string>
  /** True when `headers` says who somebody is: a browser does not send them for images, so icons are fetched. */
  imagesNeedHeaders: boolean
  /** Told about every failure before it is thrown; an ended session, for instance. */
  onError: (error: ApiError) => void
  /**
   * Opens a stream of server-sent events. Default: the browser's `EventSource`, which sends the cookie of the session.
   * An application that signs in with a token gives one that can send it.
   */
  openEvents: (address: string) => EventStream
}

/** As much of an `EventSource` as is used here: the browser's own, or that of a package which sends headers, too. */
export interface EventStream {
  readonly readyState: number
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void
  close(): void
}

let options: RequestOptions = {
  baseUrl: '/api',
  headers: () => ({}),
  imagesNeedHeaders: false,
  onError: () => undefined,
  openEvents: (address) => new EventSource(address),
}

/**
 * Says how the functions of this package reach the server.
 *
 * @example
 * const headers = () => ({ authorization: `Bearer ${token()}` })
 * configureRequests({ headers, imagesNeedHeaders: true })
 * @since 0.1.0
 */
export function configureRequests(changes: Partial<RequestOptions>): void {
  options = { ...options, ...changes }
}

export interface RequestInput {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Sent as JSON, or as it is when it is a form. */
  body?: unknown
  query?: Record<string, string | number | boolean | undefined>
  signal?: AbortSignal
  headers?: Record<string, string>
}

/**
 * Asks the server, and takes the envelope off the answer. The type is what the endpoint answers by the contract: the
 * server makes its answers with the same schemas.
 *
 * @param path below the base address, with a slash at its beginning
 * @throws ApiError
 * @since 0.1.0
 */
export async function request<Answer>(path: string, input: RequestInput = {}): Promise<Answer> {
  const response = await send(path, input)
  const body = (await response.json().catch(() => undefined)) as { data?: unknown } | undefined
  if (!response.ok) throw fail(toApiError(response, body))
  return body?.data as Answer
}

/** What long work answers: the run in which it goes on, or at once what came of it. */
export type Work<Answer> = { runId: string } | { answer: Answer }

/**
 * Like {@link request}, for work that takes its time: the server is asked not to wait for its end.
 *
 * @throws ApiError
 * @since 0.1.0
 */
export async function requestWork<Answer>(path: string, input: RequestInput = {}): Promise<Work<Answer>> {
  const response = await send(path, { ...input, headers: { ...input.headers, prefer: 'respond-async' } })
  const body = (await response.json().catch(() => undefined)) as { data?: unknown } | undefined
  if (!response.ok) throw fail(toApiError(response, body))
  return response.status === 202 ? (body?.data as { runId: string }) : { answer: body?.data as Answer }
}

/** Opens a stream of events below the base address. */
export function openEvents(path: string): EventStream {
  return options.openEvents(options.baseUrl + path)
}

/** Like {@link request}, for a file. */
export async function requestFile(path: string, input: RequestInput = {}): Promise<{ name: string; content: Blob }> {
  const response = await send(path, input)
  if (!response.ok) throw fail(toApiError(response, await response.json().catch(() => undefined)))
  const [, name = 'download'] = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '') ?? []
  return { name, content: await response.blob() }
}

/** Whether an image of the API has to be fetched with the headers of a request. */
export function imagesNeedHeaders(): boolean {
  return options.imagesNeedHeaders
}

/** Where a path of the API is, for what a browser fetches by itself. */
export function addressOf(path: string): string {
  return options.baseUrl + path
}

async function send(path: string, { method = 'GET', body, query, signal, headers }: RequestInput): Promise<Response> {
  const isForm = body instanceof FormData
  try {
    return await fetch(options.baseUrl + path + searchOf(query), {
      method,
      signal,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...options.headers(),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw fail(new ApiError('The server cannot be reached. Check your connection and try again.', 0, 'UNREACHABLE'))
  }
}

function searchOf(query: RequestInput['query'] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
}

function toApiError(response: Response, body: unknown): ApiError {
  const answer = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const sentence = [answer['data'], answer['error'], answer['message']].find((text) => typeof text === 'string')
  return new ApiError(
    sentence ?? `The server answered with status ${response.status}.`,
    response.status,
    typeof answer['code'] === 'string' ? answer['code'] : 'UNKNOWN',
    typeof answer['requestId'] === 'string' ? answer['requestId'] : undefined,
    (answer['details'] ?? {}) as Record<string, unknown>,
  )
}

function fail(error: ApiError): ApiError {
  options.onError(error)
  return error
}
