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
export function grantable({
  slack = slackNotSetUp,
  connections,
  allowUnreviewed,
}: Pick<Settings, 'slack' | 'connections' | 'allowUnreviewed'>) {
  return {
    tables: grantableTables,
    // Slack's own documents have commas between scopes.
    connections: {
      ...connections,
      slack: { ...slack, scopeSeparator: ',', audience: ['slack.com', 'hooks.slack.com'] },
    },
    allowUndeclared: allowUnreviewed,
  } satisfies PluginHostOptions['grantable']
}

/** Shown, but not usable, until the operator sets SLACK_CLIENT_ID and SLACK_CLIENT_SECRET. */
const slackNotSetUp = {
  clientId: '',
  clientSecret: '',
  tokenUrl: 'https://slack.com/api/oauth.v2.access',
  authorizeUrl: 'https://slack.com/oauth/v2/authorize',
}
