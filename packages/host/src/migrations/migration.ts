import type { ClientBase } from 'pg'

/** The tenant that a tenant migration works on. `schema` is mixed case: always quote it. */
export interface TenantScope {
  organizationId: number
  schema: string
}

/**
 * One step of the schema. `up` and `down` run inside the transaction of their scope on the host's own role, whose
 * search_path is `pg_catalog, public`: every name is written with its schema.
 */
export interface Migration<Scope = unknown> {
  /** Unique within its list, sorted by position and never renamed: it is the key of the ledger. */
  name: string
  /** Names the content. Defaults to a digest of the source text of `up` and `down`. */
  checksum?: string
  up(client: ClientBase, scope: Scope): Promise<void>
  down(client: ClientBase, scope: Scope): Promise<void>
}

export type PlatformMigration = Migration<undefined>
export type TenantMigration = Migration<TenantScope>
