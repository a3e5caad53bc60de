import type { Connection } from './connections.js'
import type { PluginContext } from './plugin-context.js'
import type { Router } from './router.js'
import type {
  ConfigureResult,
  InstallResult,
  PluginMetadata,
  TestConnectionResult,
  UninstallResult,
  ValidationResult,
} from './results.js'

type Configuration = Record<string, unknown>
type Result<T> = T | Promise<T>

/** Something that happened, in the application or in another plugin. @since 0.1.0 */
export interface PluginEvent {
  /** Unique: a delivery that is repeated carries the same id. */
  id: string
  name: string
  /** ISO 8601. */
  occurredAt: string
  /** `app` for the application, `host` for the plugin host, or the key of the plugin that published it. */
  source: string
  /** From the subscription in the manifest. */
  routingType?: string
  payload: Record<string, unknown>
  /**
   * What the handler said is settled when this event failed before: the `settled` of what it threw, or answered with
   * `success: false`. Such as who has had it already; see {@link EventFailure}.
   */
  settled?: unknown
}

/** What a handler may say of an event that failed: as fields of the error that it throws, or of its answer. @since 0.1.0 */
export interface EventFailure {
  /** False when it is in vain to deliver the event again. */
  retryable?: boolean
  /**
   * In milliseconds: when the service that the event is for wants to be asked again. It is not delivered before, at most
   * a day later, and for a day it is not given up for that, however many attempts it takes.
   */
  retryAfterMs?: number
  /** At most 8,000 bytes of JSON, given back with the next delivery; a larger one is not kept. */
  settled?: unknown
}

/**
 * Called at least once for each event, in order, for up to four at the same moment; throw, or answer `success: false`, to
 * have it delivered again. See {@link EventFailure} for how to say what is not to be done twice.
 */
export type EventHandler = (event: PluginEvent, context: PluginContext) => Result<unknown>

export type JobHandler = (context: PluginContext, ...args: unknown[]) => Result<unknown>

/** Called after a connection was made, with what the manifest took out of the provider's answer. */
export type ConnectHandler = (connection: Connection, context: PluginContext) => Result<unknown>

/**
 * Everything that a plugin can be. All functions run in a process of their own, for one organization, with a deadline.
 *
 * @since 0.1.0
 */
export interface PluginDefinition {
  metadata: PluginMetadata
  /** Creates tables. Runs in one transaction: throw, or answer `success: false`, and nothing has happened. */
  install?(userId: number, tenantId: string, config: Configuration, context: PluginContext): Result<InstallResult>
  /** Removes what `install` made. Must also succeed when it is already gone. */
  uninstall?(userId: number, tenantId: string, context: PluginContext): Result<UninstallResult>
  /** Told of a configuration that `validateConfig` accepted. The host stores it; do not test the connection here. */
  configure?(
    userId: number,
    tenantId: string,
    configuration: Configuration,
    context: PluginContext,
  ): Result<ConfigureResult>
  /** Rules that a JSON Schema cannot say. Runs before anything is stored. */
  validateConfig?(configuration: Configuration): Result<ValidationResult>
  /** The button "Test connection". Answers, never throws; never repeats what the other side said word by word. */
  testConnection?(configuration: Configuration, context?: PluginContext): Result<TestConnectionResult>
  /** HTTP below `/api/plugins/<key>`. */
  router?: Router
  /** Handlers by the name that `contributes.events` in the manifest gives them. */
  events?: Record<string, EventHandler>
  /** Work that the host starts, now or on a schedule. */
  jobs?: Record<string, JobHandler>
  /** Other functions by name, such as the `onConnect` of a connection. */
  functions?: Record<string, ConnectHandler>
}

/**
 * Gives its argument back; it is there for the types.
 *
 * @example
 * export default definePlugin({
 *   metadata: { name: 'Notes', version: '1.0.0', author: 'You', description: 'Keeps notes' },
 *   async install(userId, tenantId, config, { sequelize }) {
 *     await sequelize.query(`CREATE TABLE "${tenantId}".notes (id serial PRIMARY KEY, text text NOT NULL)`)
 *     return { success: true }
 *   },
 *   router: { 'GET /notes': async ({ sequelize }) => ({ data: await sequelize.query('SELECT * FROM notes') }) },
 * })
 *
 * @since 0.1.0
 */
export function definePlugin<const Plugin extends PluginDefinition>(plugin: Plugin): Plugin {
  return plugin
}
