import { setTimeout as sleep } from 'node:timers/promises'
import { parsedBody, serve, textReply, type Answer, type Asked, type Reply } from '../exchange.js'
import { createFaults, type Fault } from '../faults.js'
import { listen } from '../listener.js'
import { createRequestLog, type LoggedRequest } from '../request-log.js'
import { getEndpoints, postEndpoints, type Parameters } from './endpoints.js'
import { generateState, type GeneratorOptions } from './generate.js'
import { invalidParameter, MlflowError } from './mlflow-error.js'
import { MLFLOW_VERSIONS, type MlflowRelease } from './release.js'
import type { MlflowState } from './wire.js'

/** How a client proves who it is. Bearer is what a gateway in front of MLflow asks for; MLflow itself knows basic. */
export type MlflowAuthentication =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

export interface MlflowStandinOptions {
  /** Default: 3. */
  readonly release?: MlflowRelease
  /** Default: none. */
  readonly auth?: MlflowAuthentication
  /** HTTPS with a self-signed certificate for localhost and 127.0.0.1. */
  readonly tls?: boolean
  /** For a server that lives below a path, e.g. `/mlflow`. */
  readonly pathPrefix?: string
  /** How much to generate, or exactly what to hold. */
  readonly models?: GeneratorOptions | MlflowState
  /** Default: any free port. */
  readonly port?: number
  /** `state` will not change: an answer is made once and kept, so that whoever measures a client measures little else. */
  readonly frozen?: boolean
  /** A page has no more entries than this, whatever is asked for, as at some servers. Default: as MLflow. */
  readonly mostPerPage?: number
  /** Answers 400 to a question about the runs of more experiments than this, as some servers do. Default: any number. */
  readonly mostExperiments?: number
  /** Milliseconds before the answer of an endpoint, such as `runs/search`; a real server takes its time. Default: none. */
  readonly delayMs?: (endpoint: string) => number
}

export interface MlflowStandin {
  /** Tracking server URL, with the path prefix, without a slash at the end. */
  readonly url: string
  /** PEM to trust; only with `tls`. */
  readonly caCertificate?: string
  /** What the server holds. Change it as a test needs; the next request sees it. */
  readonly state: MlflowState
  /** Every request so far, refused ones included. */
  readonly requests: readonly LoggedRequest[]
  failNext(fault: Fault): void
  close(): Promise<void>
}

const NOT_FOUND_PAGE =
  '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n' +
  '<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>\n'
const NOT_ALLOWED_PAGE =
  '<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not Allowed</h1>\n' +
  '<p>The method is not allowed for the requested URL.</p>\n'
const NOT_AUTHENTICATED =
  'You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow on how to authenticate.'
const API = '/api/2.0/mlflow/'
const HTML = 'text/html; charset=utf-8'
const JSON_TYPE = 'application/json'

/** Starts a server on 127.0.0.1 that speaks the reading half of MLflow's REST API. */
export async function startMlflowStandin(options: MlflowStandinOptions = {}): Promise<MlflowStandin> {
  const { release = 3, auth = { kind: 'none' }, pathPrefix = '', models = {}, port, tls, delayMs } = options
  const state = isState(models) ? models : generateState(models)
  const log = createRequestLog()
  const faults = createFaults(usualReply)
  const replyOf = replyOfApi(release, options)
  const answerApi = options.frozen ? keepReplies(replyOf) : replyOf

  const answer = async (asked: Asked): Promise<Answer> => {
    log.add(asked)
    if (!asked.path.startsWith(`${pathPrefix}/`)) return usualReply(404)
    const path = asked.path.slice(pathPrefix.length)
    const fault = faults.take(path)
    if (fault) return fault
    if (path === '/health') return textReply(200, release < 3 ? HTML : 'text/plain; charset=utf-8', 'OK')
    if (!isAuthorized(asked, auth)) return unauthorized(auth)
    if (path === '/version') return textReply(200, HTML, MLFLOW_VERSIONS[release])
    const delay = delayMs?.(endpointOf(path)) ?? 0
    if (delay > 0) await sleep(delay)
    return answerApi(asked, path, state)
  }

  const listener = await listen(serve(answer), { port, ...(tls && { tlsNames: ['localhost', '127.0.0.1'] }) })
  return {
    url: listener.url + pathPrefix,
    ...(listener.caCertificate && { caCertificate: listener.caCertificate }),
    state,
    requests: log.requests,
    failNext: faults.failNext,
    close: listener.close,
  }
}

function isState(models: GeneratorOptions | MlflowState): models is MlflowState {
  return Array.isArray(models.registeredModels)
}

type ReplyOfApi = (asked: Asked, path: string, state: MlflowState) => Reply

function endpointOf(path: string): string {
  return path.startsWith(API) ? path.slice(API.length) : ''
}

/** As bytes, which cost least to send again. */
function keepReplies(replyOf: ReplyOfApi): ReplyOfApi {
  const kept = new Map<string, Reply>()
  return (asked, path, state) => {
    const question = `${asked.method} ${path}?${asked.query.toString()} ${asked.text}`
    const known = kept.get(question)
    if (known) return known
    const made = replyOf(asked, path, state)
    const reply = { ...made, body: Buffer.from(made.body) }
    kept.set(question, reply)
    return reply
  }
}

function replyOfApi(
  release: MlflowRelease,
  { mostPerPage = Infinity, mostExperiments = Infinity }: MlflowStandinOptions,
): ReplyOfApi {
  return (asked, path, state) => {
    const name = endpointOf(path)
    const endpoint = (asked.method === 'POST' ? postEndpoints : getEndpoints)[name]
    if (!endpoint) return usualReply(name in getEndpoints || name in postEndpoints ? 405 : 404)
    try {
      const parameters = asked.method === 'POST' ? (parsedBody(asked) ?? {}) : queryParameters(asked.query)
      if (experimentsNamedIn(parameters) > mostExperiments)
        throw invalidParameter('Too many experiment_ids specified in SearchRuns request.')
      const answer = endpoint(state, withAtMost(mostPerPage, parameters), release)
      return textReply(200, JSON_TYPE, JSON.stringify(answer, undefined, 2))
    } catch (error) {
      if (!(error instanceof MlflowError)) throw error
      return textReply(error.status, JSON_TYPE, JSON.stringify(error.bodyIn(release)))
    }
  }
}

function experimentsNamedIn({ experiment_ids: named }: Parameters): number {
  return Array.isArray(named) ? named.length : 0
}

function withAtMost(most: number, parameters: Parameters): Parameters {
  return Number(parameters.max_results) > most ? { ...parameters, max_results: most } : parameters
}

/** A parameter that is repeated becomes a list, as `order_by` may be. */
function queryParameters(query: URLSearchParams): Parameters {
  return Object.fromEntries(
    [...new Set(query.keys())].map((name) => {
      const values = query.getAll(name)
      return [name, values.length > 1 ? values : values[0]]
    }),
  )
}

function isAuthorized({ headers }: Asked, auth: MlflowAuthentication): boolean {
  const expected = expectedAuthorization(auth)
  return expected === undefined || headers.authorization === expected
}

function unauthorized(auth: MlflowAuthentication): Reply {
  const reply = usualReply(401)
  const scheme = auth.kind === 'basic' ? 'Basic' : 'Bearer'
  return { ...reply, headers: { ...reply.headers, 'www-authenticate': `${scheme} realm="mlflow"` } }
}

function expectedAuthorization(auth: MlflowAuthentication): string | undefined {
  if (auth.kind === 'basic') return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
  if (auth.kind === 'bearer') return `Bearer ${auth.token}`
  return undefined
}

/** What MLflow says with an error status when there is nothing particular to say. */
function usualReply(status: number): Reply {
  if (status === 401) return textReply(status, HTML, NOT_AUTHENTICATED)
  if (status === 403) return textReply(status, HTML, 'Permission denied')
  if (status === 404) return textReply(status, HTML, NOT_FOUND_PAGE)
  if (status === 405) return textReply(status, HTML, NOT_ALLOWED_PAGE)
  const error_code = status === 429 ? 'REQUEST_LIMIT_EXCEEDED' : 'INTERNAL_ERROR'
  return textReply(status, JSON_TYPE, JSON.stringify({ error_code, message: `Told to answer ${status}` }))
}
