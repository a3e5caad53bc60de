import type { CallContext, LogLevel } from '@tenon/contract/wire'
import { createDatabase, createSequelize, type PluginDatabase, type Sequelize } from './sequelize/index.js'
import { Transaction } from './sequelize/transaction.js'

/** What a plugin is given with a call. Everything in it belongs to that call and ends with it. */
export interface PluginContext extends CallContext {
  sequelize: Sequelize
  database: PluginDatabase
  signal: AbortSignal
  log: Record<LogLevel, (...args: unknown[]) => void>
  progress(done: number, total?: number, message?: string): void
  publish(name: string, payload?: unknown, options?: { transaction?: Transaction }): Promise<unknown>
  fetch(url: string, init?: ConnectionRequest): Promise<Response>
  secrets: { seal(value: unknown): Promise<unknown>; open(sealed: unknown): Promise<unknown> }
  connections: {
    list(): Promise<unknown>
    secrets(id: unknown): Promise<unknown>
    open(id: unknown): Promise<unknown>
    report(id: unknown, problem: unknown): Promise<unknown>
  }
  uploads: Uploads
}

export interface Uploads {
  /** The bytes of a file that a person sent, piece by piece, as often as it is asked for. */
  read(id: unknown): AsyncGenerator<Uint8Array, void, undefined>
}

interface ConnectionRequest extends RequestInit {
  /** Id of the connection whose access token is added on the host's side. */
  connection?: unknown
}

interface ConnectionAnswer {
  status: number
  headers: Record<string, string>
  body: Uint8Array
}

/** Builds the context of one call. `request` goes to the host under the call's number, never under a tenant's name. */
export function createCallContext(options: {
  told: CallContext
  signal: AbortSignal
  console: object
  request: (method: string, params: unknown) => Promise<unknown>
  progress: PluginContext['progress']
}): PluginContext {
  const { told, request, signal, progress } = options
  const { debug, info, warn, error } = options.console as PluginContext['log']
  return {
    ...told,
    sequelize: createSequelize({ request }),
    database: createDatabase({ request }),
    signal,
    progress,
    log: { debug, info, warn, error },
    publish: (name, payload, { transaction } = {}) =>
      request('events.publish', {
        name,
        payload,
        ...(transaction ? { transaction: Transaction.keyOf(transaction) } : {}),
      }),
    fetch: (url, init = {}) => (init.connection === undefined ? fetch(url, init) : fetchWith(request, url, init)),
    secrets: {
      seal: (value) => request('secrets.seal', { value }),
      open: (sealed) => request('secrets.open', { sealed }),
    },
    connections: {
      list: () => request('connections.list', {}),
      secrets: (id) => request('connections.secrets', { id }),
      open: (id) => request('connections.open', { id }),
      report: (id, problem) => request('connections.report', { id, problem }),
    },
    uploads: { read: (id) => readPieces(request, id) },
  }
}

async function* readPieces(
  request: (method: string, params: unknown) => Promise<unknown>,
  id: unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; ; position += 1) {
    const piece = (await request('uploads.read', { id, position })) as Uint8Array | null
    if (piece === null) return
    yield piece
  }
}

/** The token stays with the host: the host makes the request and hands back the answer. */
async function fetchWith(
  request: (method: string, params: unknown) => Promise<unknown>,
  url: string,
  { connection, ...init }: ConnectionRequest,
): Promise<Response> {
  const sent = new Request(url, init)
  const answer = (await request('connections.fetch', {
    connection,
    url: sent.url,
    method: sent.method,
    headers: Object.fromEntries(sent.headers),
    body: sent.body ? Buffer.from(await sent.arrayBuffer()) : undefined,
  })) as ConnectionAnswer
  const empty = answer.body.byteLength === 0 || [204, 205, 304].includes(answer.status)
  return new Response(empty ? null : Buffer.from(answer.body), { status: answer.status, headers: answer.headers })
}
