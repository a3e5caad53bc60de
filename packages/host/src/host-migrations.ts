import { artifactsMigration } from './artifacts/index.js'
import { auditMigration } from './audit/index.js'
import { catalogMigration } from './catalog/index.js'
import { connectionsMigration } from './connections/migration.js'
import { connectionProblemMigration } from './connections/problem-migration.js'
import { tokenLifeMigration } from './connections/token-life-migration.js'
import { eventDeliveriesMigration } from './events/migration.js'
import { settledDeliveriesMigration } from './events/settled-migration.js'
import { waitingEventsMigration } from './events/waiting-events.js'
import { deliveryStreaksMigration } from './installations/delivery-streaks.js'
import { installationsMigration } from './installations/migration.js'
import { pluginRequestsMigration } from './installations/request-migration.js'
import {
  largeResultsMigration,
  repeatableRunsMigration,
  runClaimsMigration,
  runsMigration,
  runsStartedAgainMigration,
} from './jobs/migration.js'
import { runQueueMigration } from './jobs/queue-migration.js'
import { installQueue } from './jobs/run-queue.js'
import { schedulesMigration } from './jobs/schedule-migration.js'
import {
  createMigrator,
  hostPlatformMigrations,
  hostTenantMigrations,
  type Migrator,
  type PlatformMigration,
  type TenantMigration,
} from './migrations/index.js'
import { blocksMigration } from './operator/migration.js'
import {
  crashAccountsMigration,
  endReasonsMigration,
  heldInstallationIdsMigration,
  heldInstallationsMigration,
  networkUseMigration,
  recordsMigration,
} from './records/index.js'
import { dataKeysMigration } from './secrets/data-keys.js'
import { sentToRunsMigration, uploadHoldsMigration, uploadsMigration } from './uploads/index.js'
import { webhooksMigration } from './webhooks/migration.js'
import type { Pool } from 'pg'

/** The migrations of the embedding application; they run after the host's own. */
export interface ApplicationMigrations {
  platform: PlatformMigration[]
  tenant: TenantMigration[]
}

const platform: PlatformMigration[] = [
  ...hostPlatformMigrations,
  eventDeliveriesMigration,
  connectionsMigration,
  installationsMigration,
  catalogMigration,
  artifactsMigration,
  dataKeysMigration,
  recordsMigration,
  blocksMigration,
  waitingEventsMigration,
  auditMigration,
  runsMigration,
  schedulesMigration,
  webhooksMigration,
  tokenLifeMigration,
  runClaimsMigration,
  uploadsMigration,
  pluginRequestsMigration,
  settledDeliveriesMigration,
  deliveryStreaksMigration,
  repeatableRunsMigration,
  uploadHoldsMigration,
  networkUseMigration,
  connectionProblemMigration,
  heldInstallationsMigration,
  crashAccountsMigration,
  endReasonsMigration,
  runsStartedAgainMigration,
  sentToRunsMigration,
  largeResultsMigration,
  heldInstallationIdsMigration,
  runQueueMigration,
]

/** Migrates everything that the host needs, and then what the application brings. */
export function createHostMigrator({
  pool,
  application,
}: {
  pool: Pool
  application?: ApplicationMigrations
}): Migrator {
  const migrator = createMigrator({
    pool,
    platform: [...platform, ...(application?.platform ?? [])],
    tenant: [...hostTenantMigrations, ...(application?.tenant ?? [])],
  })
  return {
    ...migrator,
    async up() {
      await installQueue(pool)
      return migrator.up()
    },
  }
}
