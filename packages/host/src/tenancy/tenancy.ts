import { TenonError } from '@tenon/contract'
import pg, { type ClientConfig, type Pool } from 'pg'
import { limitsOf } from '../limit-table.js'
import type { Migrator } from '../migrations/migrator.js'
import { createCopySchema } from './copy-rows.js'
import { createCreatedTables, type OwnedTable } from './created-tables.js'
import { assertGrantable, type GrantableTables, type RolePermissions } from './grantable.js'
import { createLockWatch } from './lock-watch.js'
import { prepareGroup } from './group-role.js'
import { type TenancyLimits, tenancyLimitTable } from './limits.js'
import { readDatabaseId } from './platform-identity.js'
import { connectRole, type RoleConnection } from './role-connection.js'
import { groupRoleName, rolePassword } from './role-credentials.js'
import { createRolePools, type RoleUse } from './role-pools.js'
import { createRoles, type EnsuredRole, type PluginRole } from './roles.js'
import { type DatabaseSession, openSession, type SessionOptions } from './session.js'
import { createStatementGuard, type StatementGuard } from './statement-guard.js'
import { createTenants, type Tenant } from './tenants.js'

/** The tenants, the database roles of their plugins, and the sessions in which plugins run statements. */
export interface Tenancy {
  /** Makes the tenant's schema with the host's tables in it. Repeating it finishes what was cut off. */
  createTenant(organizationId: number): Promise<Tenant>
  findTenant(organizationId: number): Promise<Tenant | undefined>
  listTenants(): Promise<Tenant[]>
  /**
   * Ends sessions, drops roles and schema, and deletes the organization's rows from every table of `tenon`. Repeating
   * it finishes what was cut off.
   * @throws TenonError TENANT_NOT_FOUND
   */
  removeTenant(organizationId: number): Promise<void>
  /**
   * Makes the role, or brings an existing one up to date, with exactly these grants and the right to log in.
   * @throws TenonError TENANT_NOT_FOUND, PERMISSION_NOT_GRANTABLE
   */
  ensureRole(
    organizationId: number,
    ownerKey: string,
    permissions: RolePermissions,
    createdByInstallation?: string,
  ): Promise<EnsuredRole>
  findRole(organizationId: number, ownerKey: string): Promise<PluginRole | undefined>
  listRoles(organizationId: number): Promise<PluginRole[]>
  /** Without login, running sessions end at once and the role's tables stay. */
  setLogin(role: PluginRole, login: boolean): Promise<void>
  /** Uninstall and keep: the role stays as owner and nobody can use it. */
  keepRole(role: PluginRole): Promise<void>
  /** Uninstall and erase: the role and everything that it owns. Repeating it finishes what was cut off. */
  eraseRole(role: PluginRole): Promise<void>
  /**
   * For plugins that share a role: drops the tables which this plugin alone has created (see
   * `SessionOptions.recordTablesOf`) and answers their names.
   */
  eraseTablesOf(role: PluginRole, pluginKey: string): Promise<string[]>
  /** What erasing would remove: all tables of the role, or those that a plugin of a shared role alone has created. */
  tablesOf(role: PluginRole, pluginKey?: string): Promise<OwnedTable[]>
  /** `onTables` hears, before each statement, what it reads and writes: `risks:insert`, `public.users:select`. */
  openSession(
    role: PluginRole,
    options: SessionOptions & { onTables?: (touches: readonly string[]) => void },
  ): DatabaseSession
  /** What a role has in use of the database through this server, now. */
  useOf(role: PluginRole): RoleUse
  readonly limits: TenancyLimits
  /** Bytes on disk of the tenant's schema, indexes included. */
  schemaBytes(organizationId: number): Promise<number>
  close(): Promise<void>
}

export interface TenancyOptions {
  /** Connections of the host's own role: owner of the database, CREATEROLE, no superuser. */
  pool: Pool
  /** How plugin roles connect: the same server and database, without user and password. */
  connection: Omit<ClientConfig, 'user' | 'password'>
  migrator: Pick<Migrator, 'migrateTenant'>
  /** 32 random bytes from which the roles' passwords are computed. */
  roleKey: Buffer
  grantable: GrantableTables
  limits?: Partial<TenancyLimits>
  /** Functions outside pg_catalog that plugins may call, e.g. of extensions in `public`. */
  functions?: string[]
  /** Tables of `tenon` whose rows stay when an organization is removed. */
  keptTables?: string[]
}

/**
 * Opens the tenant wall. The platform migrations have run, and so have those of the application, because row-level
 * security is put on its public tables here.
 */
export async function createTenancy(options: TenancyOptions): Promise<Tenancy> {
  const { pool, connection, migrator, roleKey, grantable, keptTables = ['plugin_events'] } = options
  const limits = limitsOf(tenancyLimitTable, options.limits)
  assertGrantable(grantable)
  const databaseId = await readDatabaseId(pool)
  const group = groupRoleName(databaseId)
  await prepareGroup(pool, group, grantable)

  const roles = createRoles({ pool, databaseId, group, roleKey, grantable, limits })
  const reserved = reservedConnections(pool)
  const { terminateBackend, hasBackend } = createRoles({
    pool: reserved,
    databaseId,
    group,
    roleKey,
    grantable,
    limits,
  })
  const guard = await createStatementGuard({
    functions: {
      catalog: await catalogFunctions(pool),
      allowed: new Set(['current_org', ...(options.functions ?? [])]),
    },
    maxSqlLength: limits.maxSqlLength,
    parseMs: limits.parseMs,
    maxTreeCharacters: limits.maxTreeCharacters,
  })
  const copySchema = createCopySchema(limits)
  const createdTables = createCreatedTables(pool)
  const schemas = new Map<string, string>()
  const enumArrays = new Map<number, boolean>()
  const pools = createRolePools((role) => connectHealing(role), limits)
  const lockWatch = createLockWatch({
    pool: reserved,
    pools,
    terminateBackend,
    patienceMs: limits.lockPatienceMs,
    maxLocks: limits.maxLocks,
  })
  const tenants = createTenants({ pool, migrator, roles, keptTables, closeRole: pools.closeRole })

  /** A role can always change its own password; the host sets it again. */
  async function connectHealing(role: string): Promise<RoleConnection> {
    try {
      return await connect(role)
    } catch (error) {
      if ((error as { code?: string }).code !== '28P01') throw error
      await roles.heal(role)
      return connect(role)
    }
  }

  function connect(role: string): Promise<RoleConnection> {
    const config: ClientConfig = {
      ...connection,
      user: role,
      password: rolePassword(roleKey, role),
      application_name: role,
      connectionTimeoutMillis: limits.connectionWaitMs,
      options: sessionSettings(schemas.get(role) ?? '', limits),
    }
    return connectRole({
      config,
      enumArrays,
      terminateBackend: (processId) => terminateBackend(role, processId),
      hasBackend: (processId) => hasBackend(role, processId),
    })
  }

  async function tenantOf(organizationId: number): Promise<Tenant> {
    const tenant = await tenants.find(organizationId)
    if (!tenant || tenant.state === 'removing') throw new TenonError('TENANT_NOT_FOUND', { organizationId })
    return tenant
  }

  async function setLogin(role: PluginRole, login: boolean): Promise<void> {
    if (!login) await pools.closeRole(role.name)
    await roles.setLogin(role, login)
  }

  return {
    createTenant: tenants.create,
    findTenant: tenants.find,
    listTenants: tenants.list,
    removeTenant: tenants.remove,
    ensureRole: async (organizationId, ownerKey, permissions, createdByInstallation) =>
      roles.ensure(await tenantOf(organizationId), ownerKey, permissions, createdByInstallation),
    findRole: roles.find,
    listRoles: roles.list,
    setLogin,
    keepRole: (role) => setLogin(role, false),
    async eraseRole(role) {
      await pools.closeRole(role.name)
      await roles.erase(role)
    },
    eraseTablesOf: createdTables.erase,
    tablesOf: createdTables.list,
    openSession(role, sessionOptions) {
      schemas.set(role.name, role.schema)
      const { schema, name } = role
      const acquire = pools.acquire.bind(undefined, name)
      const { recordTablesOf: pluginKey } = sessionOptions
      const recordTables =
        pluginKey === undefined ? undefined : (names: string[]) => createdTables.record(role, pluginKey, names)
      const { onTables } = sessionOptions
      const heard = onTables ? telling(guard, onTables) : guard
      return openSession({ schema, guard: heard, limits, copySchema, acquire, recordTables, onTables }, sessionOptions)
    },
    useOf: ({ name }) => pools.useOf(name),
    limits,
    async schemaBytes(organizationId) {
      const { schema } = await tenantOf(organizationId)
      const { rows } = await pool.query<{ bytes: string }>(
        `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'm', 'S')`,
        [schema],
      )
      return Number(rows[0]?.bytes ?? 0)
    },
    async close() {
      lockWatch.stop()
      await pools.close()
      await guard.close()
      if (!reserved.ending) await reserved.end()
    },
  }
}

/**
 * For ending what plugins run: where everybody waits for a plugin, they have all of the host's other connections. They
 * stay open, because a server that is out of connections or locks makes no new ones.
 */
function reservedConnections({ options }: Pool): Pool {
  // The password does not come with the other options: it is not enumerable.
  const reserved = new pg.Pool({ ...options, password: options.password, max: 2, idleTimeoutMillis: 0 })
  reserved.on('error', () => {})
  return reserved
}

function telling(guard: StatementGuard, onTables: (touches: readonly string[]) => void): StatementGuard {
  return {
    ...guard,
    async plan(...text) {
      const plan = await guard.plan(...text)
      onTables(plan.touches)
      return plan
    },
  }
}

/**
 * Settings that come with the connection: they outrank what a role sets for itself, and DISCARD ALL returns to them.
 * A space inside a value would need a backslash; none of these has one.
 */
function sessionSettings(schema: string, limits: TenancyLimits): string {
  const settings: Record<string, string | number> = {
    search_path: `"${schema}",public`,
    statement_timeout: limits.statementTimeoutMs,
    lock_timeout: limits.lockTimeoutMs,
    idle_in_transaction_session_timeout: limits.transactionTimeoutMs,
    work_mem: `${limits.workMemMb}MB`,
    max_parallel_workers_per_gather: 0,
    standard_conforming_strings: 'on',
    TimeZone: 'UTC',
    DateStyle: 'ISO,MDY',
    IntervalStyle: 'postgres',
    bytea_output: 'hex',
  }
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
}

async function catalogFunctions(pool: Pool): Promise<Set<string>> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT DISTINCT proname::text AS name FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace`,
  )
  return new Set(rows.map((row) => row.name))
}
