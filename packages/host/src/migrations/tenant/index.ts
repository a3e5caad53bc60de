import type { TenantMigration } from '../migration.js'
import { announceInstallationsMigration } from './announce-installations.js'
import { pluginInstallationsMigration } from './plugin-installations.js'

/** The host's own tables in every tenant's schema, in the order in which they run. */
export const hostTenantMigrations: TenantMigration[] = [pluginInstallationsMigration, announceInstallationsMigration]
