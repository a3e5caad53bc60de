import { Readable } from 'node:stream'
import tls from 'node:tls'
import { TenonError } from '@tenon/contract'
import { Agent, type Dispatcher, request } from 'undici'
import { startDeadline } from './deadline.js'
import { connectChecked, EgressRefusal, type ConnectRules, type Dial, type Lookup } from './connect.js'
import type { HostMap } from './host-map.js'

export interface EgressFetchOptions {
  /** Hosts that may be asked. Default: every public host. */
  allows?: ConnectRules['allows']
  /** Addresses that may be used although they are not public. Default: none. */
  allowsAddress?: ConnectRules['allowsAddress']
  lookup?: Lookup | undefined
  dial?: Dial | undefined
  hostMap?: HostMap | undefined
  /** Certificate authorities (PEM) that are trusted besides the well-known ones. */
  extraCa?: readonly string[]
  /** Default 10 s. */
  connectTimeoutMs?: number
  /** For requests that do not say otherwise. Default 60 s. */
  timeoutMs?: number
  /** For requests that do not say otherwise. Default 64 MB, which an artifact may need; other callers name less. */
  maxBodyBytes?: number
}

/** The options of a standard `fetch` that are honoured, and three of our own. */
export interface EgressRequest {
  method?: string
  headers?: ConstructorParameters<typeof Headers>[0]
  body?: string | Uint8Array | URLSearchParams | null
  signal?: AbortSignal | null | undefined
  /** `follow` (default) checks each target like the first; `manual` hands out the redirect; `error` refuses it. */
  redirect?: 'follow' | 'manual' | 'error'
  /** How many redirects are followed. Default 5. */
  maxRedirects?: number
  /** For the whole exchange, body included. */
  timeoutMs?: number
  /** A body that is larger fails while it is read. */
  maxBodyBytes?: number
}

/** A request as it goes out. */
interface Outgoing {
  method: string
  headers: Record<string, string>
  body: string | Uint8Array | null
}

/** `fetch` for addresses that somebody else chose. */
export interface EgressFetch {
  /** @throws TenonError EGRESS_REFUSED when the rules refuse it, EGRESS_FAILED when the network does. */
  (url: string | URL, init?: EgressRequest): Promise<Response>
  close(): Promise<void>
}

const redirectStatuses = new Set([301, 302, 303, 307, 308])
const bodilessStatuses = new Set([101, 204, 205, 304])
const credentialHeaders = new Set(['authorization', 'cookie', 'proxy-authorization'])

/** Makes a fetch whose every connection, also one after a redirect, goes through {@link connectChecked}. */
export function createEgressFetch(options: EgressFetchOptions = {}): EgressFetch {
  const rules: ConnectRules = {
    allows: options.allows ?? (() => true),
    allowsAddress: options.allowsAddress ?? (() => false),
    lookup: options.lookup,
    dial: options.dial,
    hostMap: options.hostMap,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
  }
  const agent = new Agent({ connect: createConnector(rules, options.extraCa ?? []) as never, keepAliveTimeout: 4_000 })

  const defaults = { timeoutMs: options.timeoutMs ?? 60_000, maxBodyBytes: options.maxBodyBytes ?? 64 * 1024 * 1024 }

  async function egressFetch(url: string | URL, init: EgressRequest = {}): Promise<Response> {
    const { redirect = 'follow', maxRedirects = 5, timeoutMs, maxBodyBytes } = { ...defaults, ...init }
    // Not cleared: it also ends a body that is still being read after this function has returned.
    const { signal } = startDeadline(timeoutMs, init.signal ?? undefined)
    let target = checkedUrl(url)
    let outgoing = outgoingOf(init)
    for (let redirects = 0; ; redirects++) {
      const answer = await exchange(agent, target, outgoing, signal)
      const location = headerOf(answer, 'location')
      if (!redirectStatuses.has(answer.statusCode) || location === undefined || redirect === 'manual') {
        return toResponse(answer, target, maxBodyBytes)
      }
      answer.body.on('error', () => undefined).destroy()
      if (redirect === 'error') throw refused(target, 'it redirects')
      if (redirects >= maxRedirects) throw refused(target, `it redirects more than ${maxRedirects} times`)
      const next = checkedUrl(resolveLocation(location, target))
      outgoing = afterRedirect(outgoing, answer.statusCode, next.origin === target.origin)
      target = next
    }
  }

  return Object.assign(egressFetch, { close: () => agent.close() })
}

function checkedUrl(url: string | URL): URL {
  const target = URL.canParse(String(url)) ? new URL(String(url)) : undefined
  if (!target)
    throw new TenonError('EGRESS_REFUSED', { target: String(url).slice(0, 200), reason: 'it is not an address' })
  if (target.protocol !== 'https:' && target.protocol !== 'http:')
    throw refused(target, 'only http and https are spoken')
  if (target.username || target.password) throw refused(target, 'an address may not contain a user name or password')
  return target
}

function resolveLocation(location: string, from: URL): string {
  if (!URL.canParse(location, from.href)) throw refused(from, 'it redirects to something that is not an address')
  return new URL(location, from).href
}

function outgoingOf({ method = 'GET', headers, body = null }: EgressRequest): Outgoing {
  const fields = new Headers(headers)
  // Not only the server would take it for another host: the certificate would be asked of that one as well.
  fields.delete('host')
  if (body instanceof URLSearchParams && !fields.has('content-type')) {
    fields.set('content-type', 'application/x-www-form-urlencoded;charset=UTF-8')
  }
  const sent = body instanceof URLSearchParams ? body.toString() : body
  return { method: method.toUpperCase(), headers: Object.fromEntries(fields), body: sent }
}

/** Credentials stay with the origin they were meant for; a 303, and a POST after 301 or 302, becomes a GET. */
function afterRedirect({ method, headers, body }: Outgoing, status: number, sameOrigin: boolean): Outgoing {
  const toGet = status === 303 || (status < 303 && method === 'POST')
  const left = Object.entries(headers).filter(
    ([name]) => (sameOrigin || !credentialHeaders.has(name)) && !(toGet && name.startsWith('content-')),
  )
  return { method: toGet ? 'GET' : method, headers: Object.fromEntries(left), body: toGet ? null : body }
}

async function exchange(agent: Agent, url: URL, outgoing: Outgoing, signal: AbortSignal): Promise<Answer> {
  try {
    return await request(url, {
      dispatcher: agent,
      method: outgoing.method,
      headers: outgoing.headers,
      body: outgoing.body,
      signal,
    })
  } catch (error) {
    throw asTenonError(error, url, signal)
  }
}

type Answer = Dispatcher.ResponseData

function asTenonError(error: unknown, url: URL, signal: AbortSignal): TenonError {
  if (error instanceof TenonError) return error
  if (error instanceof EgressRefusal) return refused(url, error.reason, error)
  const timedOut = signal.aborted && (signal.reason as Error | undefined)?.name === 'TimeoutError'
  const reason = timedOut ? 'it took too long' : error instanceof Error ? error.message || error.name : String(error)
  return new TenonError('EGRESS_FAILED', { target: url.origin, reason }, { cause: error })
}

function refused(url: URL, reason: string, cause?: unknown): TenonError {
  return new TenonError('EGRESS_REFUSED', { target: url.origin, reason }, { cause })
}

function toResponse(answer: Answer, url: URL, maxBodyBytes: number): Response {
  const { statusCode: status } = answer
  const headers = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item)
  }
  const empty = bodilessStatuses.has(status)
  if (empty) answer.body.on('error', () => undefined).resume()
  const body = empty ? null : (Readable.toWeb(capped(answer.body, url, maxBodyBytes)) as ReadableStream<Uint8Array>)
  const response = new Response(body, { status, headers })
  Object.defineProperty(response, 'url', { value: url.href })
  return response
}

function capped(body: Readable, url: URL, maxBodyBytes: number): Readable {
  return Readable.from(
    (async function* () {
      let bytes = 0
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          bytes += chunk.length
          if (bytes > maxBodyBytes) throw refused(url, `its answer is larger than ${maxBodyBytes} bytes`)
          yield chunk
        }
      } catch (error) {
        body.destroy()
        throw error instanceof TenonError
          ? error
          : new TenonError('EGRESS_FAILED', { target: url.origin, reason: (error as Error).message }, { cause: error })
      }
    })(),
    { objectMode: false },
  )
}

interface ConnectorOptions {
  hostname: string
  protocol: string
  port: string
  servername?: string
}

type Connected = (error: Error | null, socket: unknown) => void

function createConnector(rules: ConnectRules, extraCa: readonly string[]) {
  const secureContext = tls.createSecureContext(extraCa.length > 0 ? { ca: [...tls.rootCertificates, ...extraCa] } : {})
  return (options: ConnectorOptions, connected: Connected): void => {
    open(options, rules, secureContext).then(
      (socket) => connected(null, socket),
      (error: Error) => connected(error, null),
    )
  }
}

async function open(options: ConnectorOptions, rules: ConnectRules, secureContext: tls.SecureContext) {
  const secure = options.protocol === 'https:'
  const socket = await connectChecked(options.hostname, Number(options.port) || (secure ? 443 : 80), rules)
  if (!secure) return socket
  const servername = options.servername || options.hostname
  return new Promise<tls.TLSSocket>((resolve, reject) => {
    const tlsSocket = tls.connect({
      socket,
      servername,
      host: options.hostname,
      secureContext,
      ALPNProtocols: ['http/1.1'],
    })
    tlsSocket.once('error', reject)
    tlsSocket.setTimeout(rules.connectTimeoutMs, () => tlsSocket.destroy(new Error('the TLS handshake took too long')))
    tlsSocket.once('secureConnect', () => {
      tlsSocket.setTimeout(0)
      tlsSocket.removeListener('error', reject)
      resolve(tlsSocket)
    })
  })
}

function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name]
  return Array.isArray(value) ? value[0] : value
}
