import type { Connections } from './connections.js'
import type { QueryOptions, Replacement, Row, Sequelize, Transaction } from './sequelize.js'

/** Writes a line of the plugin's log, formatted like `console.log`. Admins of the organization can read it: no secrets. */
export type LogLine = (...args: unknown[]) => void

/** @since 0.1.0 */
export interface Log {
  debug: LogLine
  info: LogLine
  warn: LogLine
  error: LogLine
}

/** Many rows in one statement. @since 0.1.0 */
export interface Database {
  /** Returns how many rows were written. */
  insertMany(table: string, rows: readonly Row[], options?: { transaction?: Transaction }): Promise<number>
  /** Rows that collide on `conflict` are updated in the columns of `update` (all others when absent). */
  upsertMany(
    table: string,
    rows: readonly Row[],
    options: { conflict: readonly string[]; update?: readonly string[]; transaction?: Transaction },
  ): Promise<number>
}

/** Seals what the plugin stores in its own tables; only the same plugin of the same organization can open it again. */
export interface Secrets {
  seal(value: unknown): Promise<unknown>
  /** @throws Error when it was not sealed by this plugin for this organization. */
  open(sealed: unknown): Promise<unknown>
}

/** Files that people sent to this plugin, for a day. @since 0.1.0 */
export interface Uploads {
  /**
   * The bytes in order, in pieces of at most 1 MB; a file can be read as often as needed.
   * @throws Error with the code UPLOAD_NOT_FOUND when there is none of this plugin and organization
   */
  read(id: string): AsyncGenerator<Uint8Array, void, undefined>
}

/**
 * What every call of a plugin gets. Nothing here carries a tenant: the process belongs to one (organization, plugin).
 *
 * @since 0.1.0
 */
export interface PluginContext<Configuration = Record<string, unknown>> {
  sequelize: Sequelize
  database: Database
  log: Log
  /** Shown to the person who waits. `total` may be left out while it is unknown. */
  progress(done: number, total?: number, message?: string): void
  /** Aborted when the call is cancelled or its deadline has passed; two seconds later the call fails. */
  signal: AbortSignal
  /** As it was saved last, secrets opened. */
  configuration: Configuration
  secrets: Secrets
  connections: Connections
  uploads: Uploads
  /**
   * Tells the application and other plugins that something happened. Only names that the manifest declares; at most
   * 64 kB of JSON. In a lifecycle call it joins the call's transaction. In a transaction of your own, run
   * `SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))` with that transaction instead.
   */
  publish(name: string, payload?: Record<string, unknown>): Promise<unknown>
  /** Like the global one; with `connection` the host adds that connection's access token, which stays with the host. */
  fetch(url: string, init?: RequestInit & { connection?: number }): Promise<Response>
  userId: number
  tenantId: string
  organizationId: number
  /**
   * In long work (actions, syncs, imports): the run that this call is. The id is a UUID, and the same when the run is
   * called again because its server died, or is started again by a person: what is recorded under it, in the transaction
   * that does the work, is found then.
   */
  run?: { id: string }
}

/**
 * The context as plugins of the first generation know it: `sequelize` for sure, the rest where the host is Tenon. Write
 * a function against this type when it must also run elsewhere.
 *
 * @since 0.1.0
 */
export type SeedContext = Pick<PluginContext, 'sequelize'> & Partial<PluginContext>

export type { QueryOptions, Replacement, Row, Sequelize, Transaction }
