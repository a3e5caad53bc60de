import type { GrantableTables, PluginHostOptions } from '@tenon/host'
import type { Settings } from './env.js'

const fileColumns = [
  'id',
  'filename',
  'project_id',
  'uploaded_by',
  'uploaded_time',
  'is_demo',
  'source',
  'type',
  'size',
  'org_id',
  'model_id',
  'tags',
  'review_status',
  'version',
  'expiry_date',
  'last_modified_by',
  'updated_at',
  'description',
]

const webhookUpdates = ['routing_type', 'is_active', 'updated_at', 'access_token', 'url', 'channel', 'channel_id']

/** The most that a plugin may be given on the tables of this application. Of files never the content. */
const grantableTables: GrantableTables = {
  risks: { scope: 'tenant', privileges: { select: true, insert: true, references: ['id'] } },
  projects: { scope: 'tenant', privileges: { select: true, insert: true, update: true, references: ['id'] } },
  model_inventories: { scope: 'tenant', privileges: { select: true, references: ['id'] } },
  files: { scope: 'tenant', privileges: { select: fileColumns } },
  file_entity_links: { scope: 'tenant', privileges: { select: true, insert: true, delete: true } },
  'public.users': {
    scope: 'public',
    organizationColumn: 'organization_id',
    privileges: { select: ['id', 'name', 'surname', 'email', 'organization_id'] },
  },
  'public.slack_webhooks': {
    scope: 'public',
    organizationColumn: 'organization_id',
    ownerColumn: 'owner_role',
    privileges: { select: true, insert: true, update: webhookUpdates, delete: true },
  },
}

/** What this installation lets plugins ask for at most. */
export function grantable({ connections, allowUnreviewed }: Pick<Settings, 'connections' | 'allowUnreviewed'>) {
  return {
    tables: grantableTables,
    connections,
    allowUndeclared: allowUnreviewed,
  } satisfies PluginHostOptions['grantable']
}
