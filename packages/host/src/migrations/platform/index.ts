import type { PlatformMigration } from '../migration.js'
import { installationChangesMigration } from './installation-changes.js'
import { outboxMigration } from './outbox.js'
import { publicSchemaMigration } from './public-schema.js'
import { tenantsMigration } from './tenants.js'

/** The host's own tables in the schema `tenon`, one file per concern, in the order in which they run. */
export const hostPlatformMigrations: PlatformMigration[] = [
  tenantsMigration,
  publicSchemaMigration,
  outboxMigration,
  installationChangesMigration,
]
