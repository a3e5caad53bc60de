import { createHash } from 'node:crypto'
import { TenonError, type CatalogEntry } from '@tenon/contract'
import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import type { DatabaseSession, EnsuredRole, PluginRole, RolePermissions, Tenancy } from '../tenancy/index.js'

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
  /** Removes what the plugin owns. `tables` are those of an undeclared plugin, whose role others share. */
  erase(subject: RoleSubject, tables: readonly string[]): Promise<void>
  /** Erases the role if this very attempt made it, and it is nobody else's. */
  eraseIfMadeBy(subject: RoleSubject, attempt: string): Promise<void>
}

export function createPluginRoles({ tenancy, pool }: { tenancy: Tenancy; pool: Pool }): PluginRoles {
  const findRole = ({ tenant, manifest, source }: RoleSubject) =>
    tenancy.findRole(tenant.organizationId, ownerKeyOf(manifest, source))

  return {
    ensure: ({ tenant, manifest, source }, attempt) =>
      tenancy.ensureRole(tenant.organizationId, ownerKeyOf(manifest, source), rolePermissionsOf(manifest), attempt),

    async find(subject) {
      const role = await findRole(subject)
      if (!role) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin: subject.manifest.displayName })
      return role
    },

    async keep(subject) {
      const role = await findRole(subject)
      if (role && !isShared(subject.manifest)) await tenancy.keepRole(role)
    },

    async erase(subject, tables) {
      const role = await findRole(subject)
      if (!role) return
      if (!isShared(subject.manifest)) return tenancy.eraseRole(role)
      await dropTables(tenancy, role, tables)
    },

    async eraseIfMadeBy(subject, attempt) {
      const role = await findRole(subject)
      if (!role || isShared(subject.manifest)) return
      const { rowCount } = await pool.query(
        'SELECT FROM tenon.plugin_roles WHERE role = $1 AND created_by_installation = $2',
        [role.name, attempt],
      )
      if (rowCount === 1) await tenancy.eraseRole(role)
    },
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
  if (!isShared(manifest)) return manifest.key
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
  })) as { results?: { rows: { tablename: string }[] }[] }
  return (answer.results?.[0]?.rows ?? []).map(({ tablename }) => tablename)
}

/** Over the role that owns them: the host executes nothing that a plugin could have attached to a table. */
async function dropTables(tenancy: Tenancy, role: PluginRole, tables: readonly string[]): Promise<void> {
  const session = tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 30_000 })
  try {
    for (const table of tables) {
      await session.handlers['db.query']({ sql: `DROP TABLE IF EXISTS ${quote(role.schema)}.${quote(table)} CASCADE` })
    }
  } finally {
    await session.end()
  }
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`
