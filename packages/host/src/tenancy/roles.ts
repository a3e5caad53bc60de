import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'
import { dropOwnedInParts, lockTimeoutMs } from './drop-owned.js'
import { type GrantableTables, grantsFor, type RolePermissions } from './grantable.js'
import type { TenancyLimits } from './limits.js'
import { roleName, rolePassword, scramVerifier } from './role-credentials.js'
import { lockGrants, withRoleOf } from '../migrations/role-membership.js'
import { quoteIdentifier as quote, quoteLiteral as literal } from '../migrations/sql-text.js'
import { applyGrants } from './table-grants.js'
import { inTransaction } from '../migrations/transaction.js'

/** A database role of one owner in one tenant: the wall. */
export interface PluginRole {
  name: string
  organizationId: number
  schema: string
  /** A plugin's key, or `source:<hash>` for the role that undeclared plugins of one source share. */
  ownerKey: string
  login: boolean
}

export interface EnsuredRole extends PluginRole {
  /** True when this very call made the role: only then is erasing it an undo. */
  created: boolean
}

export interface Roles {
  ensure(
    tenant: { organizationId: number; schema: string },
    ownerKey: string,
    permissions: RolePermissions,
    createdByInstallation?: string,
  ): Promise<EnsuredRole>
  find(organizationId: number, ownerKey: string): Promise<PluginRole | undefined>
  list(organizationId: number): Promise<PluginRole[]>
  setLogin(role: PluginRole, login: boolean): Promise<void>
  erase(role: PluginRole): Promise<void>
  /** Sets the password that this host computes, after someone changed it. */
  heal(role: string): Promise<void>
  terminateBackend(role: string, processId: number): Promise<void>
  /** Whether this process of the server is a session of the role. */
  hasBackend(role: string, processId: number): Promise<boolean>
}

interface RolesOptions {
  pool: Pool
  databaseId: Buffer
  group: string
  roleKey: Buffer
  grantable: GrantableTables
  limits: TenancyLimits
}

interface RoleRow {
  role: string
  organization_id: number
  schema: string
  owner_key: string
  login: boolean
}

export function createRoles({ pool, databaseId, group, roleKey, grantable, limits }: RolesOptions): Roles {
  const verifier = (role: string) => literal(scramVerifier(rolePassword(roleKey, role)))

  async function ensure(
    { organizationId, schema }: { organizationId: number; schema: string },
    ownerKey: string,
    permissions: RolePermissions,
    createdByInstallation?: string,
  ): Promise<EnsuredRole> {
    // Before anything is made: a manifest that asks for too much leaves nothing behind.
    const grants = grantsFor(permissions, grantable)
    const known = await find(organizationId, ownerKey)
    const name = known?.name ?? roleName(databaseId, organizationId, ownerKey)
    const role = quote(name)
    const ownsTables = permissions.kind === 'compatibility' || permissions.tenantSchema
    const created = await inTransaction(pool, async (client) => {
      await lockGrants(client)
      const isNew = await createRole(client, name)
      await client.query(`
        ALTER ROLE ${role} LOGIN;
        GRANT USAGE ON SCHEMA ${quote(schema)} TO ${role};
        ${ownsTables ? 'GRANT' : 'REVOKE'} CREATE ON SCHEMA ${quote(schema)} ${ownsTables ? 'TO' : 'FROM'} ${role}`)
      await client.query(
        `INSERT INTO tenon.plugin_roles (role, organization_id, owner_key, login, may_publish, created_by_installation)
         VALUES ($1, $2, $3, true, $4, $5)
         ON CONFLICT (role) DO UPDATE SET login = true, may_publish = excluded.may_publish`,
        [name, organizationId, ownerKey, publishedBy(permissions), createdByInstallation ?? null],
      )
      const whenMissing = permissions.kind === 'compatibility' ? 'skip' : 'throw'
      await applyGrants(client, grants, grantable, { role: name, schema, isNew, whenMissing })
      return isNew
    })
    return { name, organizationId, schema, ownerKey, login: true, created }
  }

  async function createRole(client: PoolClient, name: string): Promise<boolean> {
    const { rows } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name])
    if (rows.length > 0) return false
    const role = quote(name)
    await client.query(`
      CREATE ROLE ${role} LOGIN INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
        CONNECTION LIMIT ${limits.connectionLimitPerRole} PASSWORD ${verifier(name)};
      GRANT ${quote(group)} TO ${role}`)
    await limitTemporaryFiles(client, role)
    return true
  }

  /** Needs a right that a superuser grants (see hardenDatabase); without it the disk is the operator's to watch. */
  async function limitTemporaryFiles(client: PoolClient, role: string): Promise<void> {
    const { rows } = await client.query<{ allowed: boolean }>(
      `SELECT has_parameter_privilege('temp_file_limit', 'SET') AS allowed`,
    )
    if (rows[0]?.allowed) await client.query(`ALTER ROLE ${role} SET temp_file_limit = '${limits.tempFileLimitMb}MB'`)
  }

  async function find(organizationId: number, ownerKey: string): Promise<PluginRole | undefined> {
    const { rows } = await pool.query<RoleRow>(`${SELECT_ROLES} WHERE r.organization_id = $1 AND r.owner_key = $2`, [
      organizationId,
      ownerKey,
    ])
    return rows[0] && toRole(rows[0])
  }

  async function setLogin(role: PluginRole, login: boolean): Promise<void> {
    await inTransaction(pool, async (client) => {
      await client.query(`ALTER ROLE ${quote(role.name)} ${login ? 'LOGIN' : 'NOLOGIN'}`)
      const { rowCount } = await client.query('UPDATE tenon.plugin_roles SET login = $2 WHERE role = $1', [
        role.name,
        login,
      ])
      if (rowCount === 0) throw notFound(role)
    })
    if (!login) await terminateAll(role.name)
  }

  /**
   * NOLOGIN is committed first: nobody comes back in while the rest is being removed. Safe to repeat, which it has to be
   * where a session that does not end holds a table.
   */
  async function erase({ name }: PluginRole): Promise<void> {
    const role = quote(name)
    const { rows } = await pool.query('SELECT FROM pg_roles WHERE rolname = $1', [name])
    if (rows.length > 0) {
      await pool.query(`ALTER ROLE ${role} NOLOGIN`)
      await terminateAll(name)
      await dropOwnedInParts(pool, name)
    }
    await inTransaction(pool, async (client) => {
      if (rows.length > 0) {
        await lockGrants(client)
        await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
        await client.query(`GRANT ${role} TO CURRENT_USER; DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`)
      }
      await client.query('DELETE FROM tenon.plugin_roles WHERE role = $1', [name])
    })
  }

  /**
   * Some functions of the server do not look whether they are to end, for hours. Whoever is in one has been told: it does
   * nothing more when it comes out, and nobody waits for that.
   */
  async function terminateAll(name: string): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const ended = await inTransaction(pool, (client) =>
        withRoleOf(client, name, () =>
          client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [name]),
        ),
      )
      if (ended.rowCount === 0) return
      await sleep(10)
    }
  }

  return {
    ensure,
    find,
    async list(organizationId) {
      const { rows } = await pool.query<RoleRow>(`${SELECT_ROLES} WHERE r.organization_id = $1 ORDER BY r.owner_key`, [
        organizationId,
      ])
      return rows.map(toRole)
    },
    setLogin,
    erase,
    async heal(name) {
      await pool.query(`ALTER ROLE ${quote(name)} PASSWORD ${verifier(name)}`)
    },
    async terminateBackend(name, processId) {
      await inTransaction(pool, (client) =>
        withRoleOf(client, name, () =>
          // The process id may belong to somebody else by now.
          client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND usename = $2', [
            processId,
            name,
          ]),
        ),
      )
    },
    async hasBackend(name, processId) {
      const { rows } = await pool.query('SELECT FROM pg_stat_activity WHERE pid = $1 AND usename = $2', [
        processId,
        name,
      ])
      return rows.length > 0
    },
  }
}

const SELECT_ROLES = `
  SELECT r.role, r.organization_id, t.schema, r.owner_key, r.login
  FROM tenon.plugin_roles r JOIN tenon.tenants t USING (organization_id)`

function toRole(row: RoleRow): PluginRole {
  return {
    name: row.role,
    organizationId: row.organization_id,
    schema: row.schema,
    ownerKey: row.owner_key,
    login: row.login,
  }
}

function publishedBy(permissions: RolePermissions): string[] {
  return permissions.kind === 'declared' ? (permissions.publish ?? []) : []
}

function notFound(role: PluginRole): TenonError {
  return new TenonError('DATABASE_ROLE_NOT_FOUND', { owner: role.ownerKey, organizationId: role.organizationId })
}
