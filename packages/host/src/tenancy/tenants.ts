import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Migrator } from '../migrations/migrator.js'
import { keepTypes } from './own-types.js'
import type { Roles } from './roles.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'
import { getTenantHash } from './tenant-hash.js'

export interface Tenant {
  organizationId: number
  /** Also the `tenantId` that plugins are told. */
  schema: string
  state: 'creating' | 'active' | 'degraded' | 'removing'
  /** Why it is degraded. */
  problem: string | null
}

export interface Tenants {
  create(organizationId: number): Promise<Tenant>
  find(organizationId: number): Promise<Tenant | undefined>
  list(): Promise<Tenant[]>
  remove(organizationId: number): Promise<void>
}

interface TenantsOptions {
  pool: Pool
  migrator: Pick<Migrator, 'migrateTenant'>
  roles: Roles
  closeRole: (role: string) => Promise<void>
  /** Tables of `tenon` that keep their rows when an organization is removed. */
  keptTables: string[]
}

interface TenantRow {
  organization_id: number
  schema: string
  state: Tenant['state']
  problem: string | null
}

export function createTenants({ pool, migrator, roles, closeRole, keptTables }: TenantsOptions): Tenants {
  async function find(organizationId: number): Promise<Tenant | undefined> {
    const { rows } = await pool.query<TenantRow>(`${SELECT_TENANTS} WHERE organization_id = $1`, [organizationId])
    return rows[0] && toTenant(rows[0])
  }

  /** The row is first, so that a creation which was cut off is known and can be repeated. */
  async function create(organizationId: number): Promise<Tenant> {
    const schema = getTenantHash(organizationId)
    await pool.query(
      `INSERT INTO tenon.tenants (organization_id, schema, state) VALUES ($1, $2, 'creating')
       ON CONFLICT (organization_id) DO NOTHING`,
      [organizationId, schema],
    )
    await pool.query(`CREATE SCHEMA IF NOT EXISTS ${quote(schema)}; REVOKE ALL ON SCHEMA ${quote(schema)} FROM PUBLIC`)
    await assertOwnSchema(schema)
    await migrator.migrateTenant({ organizationId, schema })
    await keepTypes(pool, schema)
    await pool.query(`UPDATE tenon.tenants SET state = 'active', problem = NULL WHERE organization_id = $1`, [
      organizationId,
    ])
    return { organizationId, schema, state: 'active', problem: null }
  }

  async function assertOwnSchema(schema: string): Promise<void> {
    const { rows } = await pool.query(
      `SELECT FROM pg_namespace WHERE nspname = $1 AND pg_get_userbyid(nspowner) = current_user`,
      [schema],
    )
    if (rows.length === 0) throw new Error(`The schema ${schema} exists and belongs to another database role.`)
  }

  /** Each step can be repeated: a removal that was cut off is finished by the next call. */
  async function remove(organizationId: number): Promise<void> {
    const tenant = await find(organizationId)
    if (!tenant) throw new TenonError('TENANT_NOT_FOUND', { organizationId })
    await pool.query(`UPDATE tenon.tenants SET state = 'removing' WHERE organization_id = $1`, [organizationId])
    for (const role of await roles.list(organizationId)) {
      await closeRole(role.name)
      await roles.erase(role)
    }
    await pool.query(`DROP SCHEMA IF EXISTS ${quote(tenant.schema)} CASCADE`)
    await pool.query('DELETE FROM tenon.migrations WHERE scope = $1', [tenant.schema])
    await removeRows(organizationId)
    await pool.query('DELETE FROM tenon.tenants WHERE organization_id = $1', [organizationId])
  }

  /** Every table of the platform that names an organization, whoever made it; foreign keys give the order. */
  async function removeRows(organizationId: number): Promise<void> {
    const { rows } = await pool.query<{ name: string }>(
      `SELECT c.relname AS name FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
       WHERE n.nspname = 'tenon' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT c.relname = ANY ($1)`,
      [['tenants', ...keptTables]],
    )
    let tables = rows.map((row) => row.name)
    for (let left = tables.length; left > 0 && tables.length > 0; left--) {
      const blocked: string[] = []
      for (const table of tables) if (!(await removeRowsOf(table, organizationId))) blocked.push(table)
      tables = blocked
    }
  }

  async function removeRowsOf(table: string, organizationId: number): Promise<boolean> {
    try {
      await pool.query(`DELETE FROM tenon.${quote(table)} WHERE organization_id = $1`, [organizationId])
      return true
    } catch (error) {
      if ((error as { code?: string }).code === '23503') return false
      throw error
    }
  }

  return {
    create,
    find,
    async list() {
      const { rows } = await pool.query<TenantRow>(`${SELECT_TENANTS} ORDER BY organization_id`)
      return rows.map(toTenant)
    },
    remove,
  }
}

const SELECT_TENANTS = 'SELECT organization_id, schema, state, problem FROM tenon.tenants'

function toTenant(row: TenantRow): Tenant {
  return { organizationId: row.organization_id, schema: row.schema, state: row.state, problem: row.problem }
}
