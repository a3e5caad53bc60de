/** Every message between the host and a runner, in both directions. No message from a runner names a tenant. */

/** An error on the wire: text only, cut to size by the sender. */
export interface WireError {
  name: string
  message: string
  code?: string | undefined
  stack?: string | undefined
  cause?: { name: string; message: string; code?: string | undefined } | undefined
  /** Fields of an error of the host, such as the constraint that a statement broke. */
  details?: object | undefined
  /** As an event handler said it: whether and when to deliver the event again, and, as JSON, what need not be done again then. */
  retryable?: boolean | undefined
  settled?: string | undefined
  /** In milliseconds: before that it is in vain. */
  retryAfterMs?: number | undefined
}

/** What a handler may say is settled; more is not kept. */
export const maxSettledBytes = 8_000

/** As JSON; undefined when it says nothing, or too much, or JSON cannot say it. */
export function settledJson(settled: unknown): string | undefined {
  try {
    const text = JSON.stringify(settled) as string | undefined
    return text !== undefined && new TextEncoder().encode(text).length <= maxSettledBytes ? text : undefined
  } catch {
    return undefined
  }
}

/** A file that a person sent to a route. */
export interface RouteFile {
  originalname: string
  mimetype: string
  size: number
  /** Where it is: stored by the host, which is asked for its pieces. */
  uploadId?: string
  /** Or it travels with the call. */
  buffer?: Uint8Array
}

/** What the plugin is asked to do. The runner knows how each kind is called. */
export type PluginInvocation =
  | { kind: 'install' | 'configure' | 'validateConfig' | 'testConnection'; configuration: Record<string, unknown> }
  | { kind: 'uninstall' }
  | { kind: 'function' | 'job'; name: string; args: unknown[] }
  | { kind: 'event'; handler: string; event: unknown }
  | {
      kind: 'route'
      method: string
      path: string
      params?: Record<string, string>
      query?: Record<string, unknown>
      body?: unknown
      file?: RouteFile
    }

export type InvocationKind = PluginInvocation['kind']

/** What a call knows about where it runs. Told to the plugin; never asked back from it. */
export interface CallContext {
  tenantId: string
  userId: number
  organizationId: number
  configuration: Record<string, unknown>
  /** Of long work: the run that it is, the same each time it is begun again. */
  run?: { id: string }
}

/** In the arguments of a named function: replaced in the runner by the call's context or its `sequelize`. */
export const contextPlaceholder = { $context: true } as const
export const sequelizePlaceholder = { $sequelize: true } as const

export type HostMessage =
  | {
      t: 'load'
      plugin: string
      code: Uint8Array
      cachedData?: Uint8Array
      wantCodeCache: boolean
      extraCa: string[]
      /** All that the plugin finds in `process.env`. Default: nothing. */
      environment?: Record<string, string>
    }
  | { t: 'call'; id: number; invocation: PluginInvocation; context: CallContext }
  | { t: 'cancel'; id: number; reason: string }
  | { t: 'ping'; id: number }
  | { t: 'reply'; id: number; value: unknown }
  | { t: 'reply'; id: number; error: WireError }

/** Why a plugin could not be loaded. */
export type LoadFailure = 'PLUGIN_PARSE_FAILED' | 'PLUGIN_LOAD_FAILED' | 'PLUGIN_EXPORT_MISSING'

/** What a loaded plugin turned out to be. */
export interface PluginReport {
  generation: 'seed' | 'router' | 'tenon'
  /** Names of functions that can be called. */
  exports: string[]
  /** Keys of its router, `METHOD /path`, in declaration order. */
  routes: string[]
  /** Least role that a route declares for itself. */
  routeRoles: Record<string, string>
  events: string[]
  /** Names of what is called after a connection was made; reached by the `event` kind, like events. */
  connections: string[]
  jobs: string[]
  metadata?: Record<string, unknown> | undefined
  /** True when V8 refused the stored code cache. */
  codeCacheRejected?: boolean | undefined
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type RunnerMessage =
  | { t: 'ready' }
  | { t: 'loaded'; report: PluginReport; codeCache?: Uint8Array | undefined }
  | { t: 'loaded'; failure: LoadFailure; error: WireError }
  | { t: 'pong'; id: number }
  | { t: 'answer'; id: number; value: unknown }
  | { t: 'answer'; id: number; error: WireError; fault?: CallFault | undefined }
  | { t: 'ask'; id: number; call: number; method: string; params: unknown }
  | { t: 'log'; call?: number | undefined; level: LogLevel; text: string; dropped?: number | undefined }
  | { t: 'progress'; call: number; done: number; total?: number | undefined; message?: string | undefined }

/** A failed call that is not an error which the plugin threw. */
export type CallFault = 'PLUGIN_EXPORT_MISSING' | 'ROUTE_NOT_FOUND' | 'PLUGIN_RESULT_INVALID' | 'RESULT_TOO_LARGE'
