import { createMigrator, getTenantHash, hostPlatformMigrations, hostTenantMigrations, type Migrator } from '@tenon/host'
import { Router } from 'express'
import type { Pool } from 'pg'
import { appMigrations } from '../migrations/index.js'
import type { PluginHostPort } from '../plugin-host-port.js'

export function appMigrator(pool: Pool): Migrator {
  return createMigrator({
    pool,
    platform: [...hostPlatformMigrations, ...appMigrations.platform],
    tenant: [...hostTenantMigrations, ...appMigrations.tenant],
  })
}

/** As much of a plugin host as accounts and registers need: real schemas, no plugins. */
export function createMigratedHost(pool: Pool): PluginHostPort {
  const migrator = appMigrator(pool)
  return {
    router: Router(),
    openapi: () => ({ paths: {} }),
    async createTenant(organizationId) {
      const schema = getTenantHash(organizationId)
      await pool.query(`CREATE SCHEMA "${schema}"`)
      await pool.query(`INSERT INTO tenon.tenants (organization_id, schema, state) VALUES ($1, $2, 'active')`, [
        organizationId,
        schema,
      ])
      await migrator.migrateTenant({ organizationId, schema })
    },
    async removeTenant(organizationId) {
      const schema = getTenantHash(organizationId)
      await pool.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      await pool.query('DELETE FROM tenon.outbox WHERE organization_id = $1', [organizationId])
      await pool.query('DELETE FROM tenon.migrations WHERE scope = $1', [schema])
      await pool.query('DELETE FROM tenon.tenants WHERE organization_id = $1', [organizationId])
    },
    health: () => Promise.resolve({ tier: 1 }),
  }
}
