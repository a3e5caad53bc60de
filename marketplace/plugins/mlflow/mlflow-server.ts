import * as http from 'node:http'
import * as https from 'node:https'
import type { MlflowConfiguration } from './configuration'
import { errorOfConnection, errorOfStatus, MlflowError } from './mlflow-error'

/** More than any page of a registry; less than what would hurt this process. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const MAX_ATTEMPTS = 3
const RETRY_DELAY_MS = 250
/** Most limits are by the minute. What wants to wait longer is left to the host. */
const MAX_RETRY_AFTER_MS = 60_000
const MAX_SOCKETS = 4

export type Query = Record<string, string | readonly string[]>
export type Json = Record<string, unknown>

/** A tracking server, over its REST API. Every method throws {@link MlflowError}. */
export interface MlflowServer {
  readonly host: string
  get(path: string, query?: Query): Promise<Json>
  post(path: string, body: Json): Promise<Json>
  /** A page that is not part of the API, as text of at most 200 characters. */
  text(path: string): Promise<string>
  close(): void
}

interface Request {
  method: 'GET' | 'POST'
  url: URL
  body?: string
}

interface Answer {
  status: number
  retryAfterMs: number | undefined
  text: string
}

/**
 * Opens connections to a tracking server; `close` ends them. Redirects are not followed, so that credentials go to no
 * other host than the configured one.
 */
export function connectMlflow(
  { baseUrl, authorization, verifyTls, timeoutMs }: MlflowConfiguration,
  { signal, attempts = MAX_ATTEMPTS }: { signal?: AbortSignal | undefined; attempts?: number } = {},
): MlflowServer {
  const secure = baseUrl.toLowerCase().startsWith('https:')
  const { host } = new URL(baseUrl)
  const pool = { keepAlive: true, maxSockets: MAX_SOCKETS }
  // `verify_ssl` is why this is not fetch(), which cannot turn the check off for one server.
  const agent = secure ? new https.Agent({ ...pool, rejectUnauthorized: verifyTls }) : new http.Agent(pool)

  function send({ method, url, body }: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled())
      const headers: http.OutgoingHttpHeaders = { accept: 'application/json', 'user-agent': 'tenon-mlflow' }
      if (authorization) headers.authorization = authorization
      if (body !== undefined) headers['content-type'] = 'application/json'

      const request = (secure ? https : http).request(url, { method, headers, agent }, (response) => {
        readText(response).then((text) => settle(() => resolve(answerOf(response, text))), fail)
      })
      let timer: NodeJS.Timeout | undefined
      // A question that waits for one of the connections is not late yet.
      request.once('socket', () => (timer = setTimeout(() => fail(timedOut(host, timeoutMs)), timeoutMs)))
      const abort = (): void => fail(cancelled())
      signal?.addEventListener('abort', abort, { once: true })
      request.on('error', fail)
      request.end(body)

      function settle(finish: () => void): void {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        finish()
      }
      function fail(error: unknown): void {
        settle(() => reject(error instanceof MlflowError ? error : errorOfConnection(error, host)))
        request.destroy()
      }
    })
  }

  async function ask(request: Request): Promise<Answer> {
    const answer = await send(request)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw errorOfStatus(answer.status, host, { errorCode: errorCodeOf(answer.text), retryAfterMs: answer.retryAfterMs })
  }

  // Until when the server wants to be left alone, whatever is asked.
  let resumesAt = 0

  // Everything that is asked only reads, so that asking again is harmless.
  async function askPatiently(request: Request, attempt = 1): Promise<Answer> {
    await pauseUntil(() => resumesAt, signal)
    try {
      return await ask(request)
    } catch (error) {
      const delayMs = retryDelay(error, attempt)
      if (attempt >= attempts || delayMs === undefined) throw error
      if (error instanceof MlflowError && error.retryAfterMs !== undefined)
        resumesAt = Math.max(resumesAt, Date.now() + delayMs)
      else await pause(delayMs, signal)
      return askPatiently(request, attempt + 1)
    }
  }

  return {
    host,
    async get(path, query) {
      return parseJson(await askPatiently({ method: 'GET', url: apiUrl(baseUrl, path, query) }), host)
    },
    async post(path, body) {
      const url = apiUrl(baseUrl, path)
      return parseJson(await askPatiently({ method: 'POST', url, body: JSON.stringify(body) }), host)
    },
    async text(path) {
      return (await ask({ method: 'GET', url: new URL(`${baseUrl}/${path}`) })).text.slice(0, 200).trim()
    },
    close: () => agent.destroy(),
  }
}

/** Where an endpoint of the REST API is; the same below the root, below a path, and in a workspace of Databricks. */
export function apiUrl(baseUrl: string, path: string, query: Query = {}): URL {
  const url = new URL(`${baseUrl}/api/2.0/mlflow/${path}`)
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) url.searchParams.append(name, one)
  }
  return url
}

async function readText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) {
      throw new MlflowError(
        'answer',
        `The server answered with more than ${MAX_ANSWER_BYTES / 1024 / 1024} MB at once.`,
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function answerOf(response: http.IncomingMessage, text: string): Answer {
  return { status: response.statusCode ?? 0, retryAfterMs: retryAfterOf(response.headers), text }
}

/** Seconds, or a date by the clock of the server. */
function retryAfterOf({ 'retry-after': said = '', date = '' }: http.IncomingHttpHeaders): number | undefined {
  const now = Date.parse(date) || Date.now()
  const milliseconds = /^\s*\d+\s*$/.test(said) ? Number(said) * 1000 : Date.parse(said) - now
  return milliseconds > 0 ? milliseconds : undefined
}

function parseJson({ text }: Answer, host: string): Json {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Json
  } catch {
    // Said below: the parser's own message quotes the text.
  }
  throw new MlflowError(
    'answer',
    `${host} did not answer with JSON. Is this the address of an MLflow tracking server, and is no page for signing in before it?`,
  )
}

function errorCodeOf(text: string): string | undefined {
  return /^\s*\{[^]{0,500}?"error_code"\s*:\s*"([A-Z_]{1,60})"/.exec(text)?.[1]
}

function retryDelay(error: unknown, attempt: number): number | undefined {
  if (!(error instanceof MlflowError)) return undefined
  if (error.retryAfterMs !== undefined) return error.retryAfterMs <= MAX_RETRY_AFTER_MS ? error.retryAfterMs : undefined
  // A server may close a kept connection at the very moment of the next request.
  const transient = /\((ECONNRESET|EPIPE)\)/.test(error.message) || [429, 502, 503, 504].includes(error.status ?? 0)
  return transient ? RETRY_DELAY_MS * attempt : undefined
}

/** The moment may move on while somebody waits for it. */
async function pauseUntil(moment: () => number, signal: AbortSignal | undefined): Promise<void> {
  for (let ms = moment() - Date.now(); ms > 0; ms = moment() - Date.now()) await pause(ms, signal)
}

function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled())
    const abort = (): void => {
      clearTimeout(timer)
      reject(cancelled())
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, delayMs)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

function timedOut(host: string, timeoutMs: number): MlflowError {
  const seconds = timeoutMs / 1000
  return new MlflowError(
    'timeout',
    `${host} did not answer within ${seconds} s. Check the address, or raise the timeout.`,
  )
}

function cancelled(): MlflowError {
  return new MlflowError('cancelled', 'The call was cancelled.')
}
