import type { PlatformMigration, TenantMigration } from '@tenon/host'
import { identityOfRegistersMigration, identityOfWebhooksMigration } from './identity-columns.js'
import { announcementsMigration } from './announcements.js'
import { auditLinesMigration } from './audit-lines.js'
import { endedSessionsMigration } from './ended-sessions.js'
import { importsMigration, recordedImportsMigration } from './imports.js'
import { organizationsAndUsersMigration } from './organizations-and-users.js'
import { requestLimitsMigration } from './request-limits.js'
import { slackWebhooksMigration } from './slack-webhooks.js'
import { tenantRegistersMigration } from './tenant-registers.js'
import { vocabularyTypesMigration } from './vocabulary-types.js'

/** The application's own steps, which run after those of the plugin host. Never renamed, only appended to. */
export const appMigrations: { platform: PlatformMigration[]; tenant: TenantMigration[] } = {
  platform: [
    organizationsAndUsersMigration,
    vocabularyTypesMigration,
    slackWebhooksMigration,
    announcementsMigration,
    requestLimitsMigration,
    auditLinesMigration,
    identityOfWebhooksMigration,
    importsMigration,
    endedSessionsMigration,
  ],
  tenant: [tenantRegistersMigration, identityOfRegistersMigration, recordedImportsMigration],
}
