import { createHash } from 'node:crypto'
import { TenonError, type CatalogEntry } from '@tenon/contract'
import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import type {
  DatabaseSession,
  EnsuredRole,
  OwnedTable,
  PluginRole,
  RolePermissions,
  RoleUse,
  Tenancy,
} from '../tenancy/index.js'

/** Which plugin of which tenant, and where it came from. */
export interface RoleSubject {
  tenant: TenantScope
  manifest: CatalogEntry
  /** The location of the marketplace. */
  source: string
}

/** The database roles of plugins, by the rule that says who shares one. */
export interface PluginRoles {
  /** @param attempt a UUID of this installation attempt: a role that it created is its to erase. */
  ensure(subject: RoleSubject, attempt: string): Promise<EnsuredRole>
  /** @throws TenonError PLUGIN_NOT_INSTALLED when the plugin has no role any more. */
  find(subject: RoleSubject): Promise<PluginRole>
  keep(subject: RoleSubject): Promise<void>
  /** Removes what the plugin owns; where others share its role, the tables that it alone has created. */
  erase(subject: RoleSubject): Promise<void>
  /** What its role has in use of the database now; that of all who share it. */
  use(subject: RoleSubject): Promise<RoleUse>
  /** The tables that erasing would remove. */
  tables(subject: RoleSubject): Promise<OwnedTable[]>
  /**
   * Takes back an attempt to install: the role, if this very attempt made it; where others share the role, the tables
   * that the attempt made and nobody else has claimed since.
   */
  undo(subject: RoleSubject, attempt: string, tables: readonly string[]): Promise<void>
}

/** Roles that are remembered; each takes some hundred bytes. */
const maxKnownRoles = 10_000

export function createPluginRoles({ tenancy, pool }: { tenancy: Tenancy; pool: Pool }): PluginRoles {
  /**
   * For calls of what is installed, which are many: a role keeps its name for as long as its installation lives, and the
   * row of the installation is read for each call. A role that another replica erased cannot log in any more.
   */
  const known = new Map<string, PluginRole>()
  const keyOf = ({ tenant, manifest, source }: RoleSubject) =>
    `${tenant.organizationId} ${ownerKeyOf(manifest, source)}`
  const findRole = ({ tenant, manifest, source }: RoleSubject) =>
    tenancy.findRole(tenant.organizationId, ownerKeyOf(manifest, source))
  /** An update may have begun, or ceased, to declare what the plugin needs: then it has tables in both. */
  const findRoles = async ({ tenant: { organizationId }, manifest, source }: RoleSubject) => {
    const [own, shared] = await Promise.all([
      tenancy.findRole(organizationId, manifest.key),
      tenancy.findRole(organizationId, sharedKeyOf(source)),
    ])
    return { own, shared }
  }

  return {
    ensure({ tenant, manifest, source }, attempt) {
      known.delete(keyOf({ tenant, manifest, source }))
      return tenancy.ensureRole(
        tenant.organizationId,
        ownerKeyOf(manifest, source),
        rolePermissionsOf(manifest),
        attempt,
      )
    },

    async find(subject) {
      const key = keyOf(subject)
      const role = known.get(key) ?? (await findRole(subject))
      if (!role) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin: subject.manifest.displayName })
      if (known.size >= maxKnownRoles) known.clear()
      known.set(key, role)
      return role
    },

    async keep(subject) {
      known.delete(keyOf(subject))
      const { own } = await findRoles(subject)
      if (own) await tenancy.keepRole(own)
    },

    async erase(subject) {
      known.delete(keyOf(subject))
      const { own, shared } = await findRoles(subject)
      if (shared) await tenancy.eraseTablesOf(shared, subject.manifest.key)
      if (own) await tenancy.eraseRole(own)
    },

    async tables(subject) {
      const { own, shared } = await findRoles(subject)
      const tables = await Promise.all([
        own ? tenancy.tablesOf(own) : [],
        shared ? tenancy.tablesOf(shared, subject.manifest.key) : [],
      ])
      return tables.flat()
    },

    async use(subject) {
      const role = known.get(keyOf(subject)) ?? (await findRole(subject))
      return role ? tenancy.useOf(role) : { connections: 0, longestStatement: undefined }
    },

    async undo(subject, attempt, tables) {
      known.delete(keyOf(subject))
      const role = await findRole(subject)
      if (!role) return
      if (isShared(subject.manifest)) {
        return dropTables(tenancy, role, await unclaimed(role, subject.manifest.key, tables))
      }
      const { rowCount } = await pool.query(
        'SELECT FROM tenon.plugin_roles WHERE role = $1 AND created_by_installation = $2',
        [role.name, attempt],
      )
      if (rowCount === 1) await tenancy.eraseRole(role)
    },
  }

  /** Those of these tables that are still there and that no other plugin of the role says it made. */
  async function unclaimed(role: PluginRole, pluginKey: string, tables: readonly string[]): Promise<string[]> {
    const { rows } = await pool.query<{ table: string }>(
      `SELECT c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = ANY ($2) AND pg_get_userbyid(c.relowner) = $3::name
         AND NOT EXISTS (SELECT FROM tenon.created_relations r WHERE r.relation = c.oid AND r.plugin_key <> $4)`,
      [role.schema, tables, role.name, pluginKey],
    )
    return rows.map(({ table }) => table)
  }
}

/**
 * Plugins that declare nothing share one role for each marketplace, because families of them share tables. They are
 * walled from other tenants, not from each other.
 */
export function isShared(manifest: CatalogEntry): boolean {
  return manifest.permissions === undefined
}

function ownerKeyOf(manifest: CatalogEntry, source: string): string {
  return isShared(manifest) ? sharedKeyOf(source) : manifest.key
}

function sharedKeyOf(source: string): string {
  return `source:${createHash('sha256').update(source).digest('hex').slice(0, 24)}`
}

function rolePermissionsOf({ permissions, contributes }: CatalogEntry): RolePermissions {
  if (!permissions) return { kind: 'compatibility' }
  const { tenantSchema, tables } = permissions.database
  return { kind: 'declared', tenantSchema, tables, publish: contributes?.publishes ?? [] }
}

/** The tables that the session's role owns in its tenant's schema. Asked over that role: the host reads nothing of it. */
export async function ownTables(session: DatabaseSession, schema: string): Promise<string[]> {
  const answer = (await session.handlers['db.query']({
    sql: 'SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tableowner = session_user',
    bind: [schema],
  })) as { results?: { rows: string[][] }[]; error?: { message?: string } }
  if (answer.error)
    throw new Error(`The tables of a plugin cannot be listed: ${answer.error.message ?? 'no reason given'}`)
  return (answer.results?.[0]?.rows ?? []).flatMap(([name]) => name ?? [])
}

/** Over the role that owns them: the host executes nothing that a plugin could have attached to a table. */
async function dropTables(tenancy: Tenancy, role: PluginRole, tables: readonly string[]): Promise<void> {
  const session = tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 30_000 })
  try {
    for (const table of tables) {
      const sql = `DROP TABLE IF EXISTS ${quote(role.schema)}.${quote(table)} CASCADE`
      const { error } = (await session.handlers['db.query']({ sql })) as { error?: { message?: string } }
      if (error) throw new Error(`The table ${table} cannot be dropped: ${error.message ?? 'no reason given'}`)
    }
  } finally {
    await session.end()
  }
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
