import { createHash } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { UmzugStorage } from 'umzug'
import type { Migration } from './migration.js'

/** The scope of migrations that belong to the whole installation; every other scope is a tenant's schema. */
export const PLATFORM_SCOPE = 'platform'

/** Creates the ledger. Safe to run by several replicas at once. */
export async function createLedger(client: ClientBase): Promise<void> {
  await client.query('BEGIN')
  try {
    await lockScope(client, PLATFORM_SCOPE)
    await client.query(`
      CREATE SCHEMA IF NOT EXISTS tenon;
      REVOKE ALL ON SCHEMA tenon FROM PUBLIC;
      CREATE TABLE IF NOT EXISTS tenon.migrations (
        scope text NOT NULL,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (scope, name)
      )`)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/** Waits for the scope's lock, which ends with the transaction. */
export async function lockScope(client: ClientBase, scope: string): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('tenon.migrations:' || $1, 0))`, [scope])
}

/** Takes the scope's lock if nobody holds it. */
export async function tryLockScope(client: ClientBase, scope: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_xact_lock(hashtextextended('tenon.migrations:' || $1, 0)) AS locked`,
    [scope],
  )
  return rows[0]?.locked === true
}

/** What umzug asks for: the names that a scope has, in the order of the list. */
export function ledgerStorage(client: ClientBase, scope: string, checksums: Map<string, string>): UmzugStorage {
  return {
    async executed() {
      const { rows } = await client.query<{ name: string }>('SELECT name FROM tenon.migrations WHERE scope = $1', [
        scope,
      ])
      return rows.map((row) => row.name)
    },
    async logMigration({ name }) {
      await client.query('INSERT INTO tenon.migrations (scope, name, checksum) VALUES ($1, $2, $3)', [
        scope,
        name,
        checksums.get(name) ?? '',
      ])
    },
    async unlogMigration({ name }) {
      await client.query('DELETE FROM tenon.migrations WHERE scope = $1 AND name = $2', [scope, name])
    },
  }
}

export function checksumOf<Scope>(migration: Migration<Scope>): string {
  const source = `${migration.up.toString()}\n${migration.down.toString()}`
  return migration.checksum ?? createHash('sha256').update(source).digest('hex').slice(0, 16)
}
