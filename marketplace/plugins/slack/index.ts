import type {
  ConfigureResult,
  InstallResult,
  PluginMetadata,
  SeedContext,
  TestConnectionResult,
  UninstallResult,
  ValidationResult,
} from '@tenon/sdk'
import { isRoutingType, VALID_ROUTING_TYPES } from './routing-types'

export { connected } from './connected'
export { onEvent } from './events'
export {
  notifyControlPolicyChange,
  notifyEvidenceTaskAlert,
  notifyMembershipRoles,
  notifyPolicyReminderStatus,
  notifyProjectOrganization,
  sendNotificationByRoutingType,
} from './notify'
export { router } from './routes'
export { VALID_ROUTING_TYPES }

interface SlackConfiguration {
  /** For workspaces that have no choice of their own. */
  routing_type?: string[]
}

export const metadata: PluginMetadata = {
  name: 'Slack',
  version: '1.0.0',
  author: 'Tenon',
  description: 'Sends notifications to the Slack channels that you choose',
}

/** There is nothing to make: workspaces are connections, which the host keeps. */
export function install(
  _userId: number,
  _tenantId: string,
  _config: SlackConfiguration,
  _context: SeedContext,
): Promise<InstallResult> {
  return Promise.resolve({
    success: true,
    message: 'Slack is installed. Connect a workspace to receive notifications.',
    installedAt: new Date().toISOString(),
  })
}

/** The host disconnects workspaces that it keeps; rows of the older kind go here. */
export async function uninstall(
  userId: number,
  _tenantId: string,
  { sequelize, connections }: SeedContext,
): Promise<UninstallResult> {
  const removed = connections ? (await connections.list()).length : await removeRows(sequelize, userId)
  return {
    success: true,
    message: `Slack is uninstalled. ${removed} ${removed === 1 ? 'workspace' : 'workspaces'} disconnected.`,
    uninstalledAt: new Date().toISOString(),
  }
}

/** Each workspace has its own routing where the host keeps workspaces; rows of the older kind get it here. */
export async function configure(
  userId: number,
  _tenantId: string,
  config: SlackConfiguration,
  { sequelize, connections }: SeedContext,
): Promise<ConfigureResult> {
  const { valid, errors } = validateConfig(config)
  const routing = config?.routing_type ?? []
  if (valid && !connections && routing.length > 0) {
    await sequelize.query(
      `UPDATE public.slack_webhooks SET routing_type = ARRAY[:routing]::text[], updated_at = now() WHERE user_id = :userId`,
      { replacements: { userId, routing } },
    )
  }
  return {
    success: valid,
    message: valid ? 'Configuration saved.' : errors.join('; '),
    configuredAt: new Date().toISOString(),
  }
}

/** An empty configuration is valid: everything important is chosen for each workspace. */
export function validateConfig(config: SlackConfiguration | null | undefined): ValidationResult {
  const routing: unknown = config?.routing_type
  if (routing === undefined || routing === null) return { valid: true, errors: [] }
  if (!Array.isArray(routing)) return { valid: false, errors: ['Routing types must be a list'] }
  const invalid = routing.filter((type) => !isRoutingType(type))
  const errors = invalid.length === 0 ? [] : [`Invalid routing types: ${invalid.join(', ')}`]
  return { valid: errors.length === 0, errors }
}

/** Says how many workspaces would get a message. */
export async function testConnection(
  _config: SlackConfiguration,
  context?: Partial<SeedContext>,
): Promise<TestConnectionResult & { testedAt: string }> {
  const testedAt = new Date().toISOString()
  if (!context?.connections && (!context?.sequelize || context.userId === undefined)) {
    return { success: true, message: 'Slack is installed. Connect a workspace to receive notifications.', testedAt }
  }
  try {
    const active = await countActive(context)
    const message = `${active} ${active === 1 ? 'workspace is' : 'workspaces are'} connected and switched on.`
    return {
      success: active > 0,
      message: active > 0 ? message : 'No workspace is connected and switched on.',
      testedAt,
    }
  } catch {
    return { success: false, message: 'The connected workspaces cannot be read.', testedAt }
  }
}

async function countActive({ connections, sequelize, userId }: Partial<SeedContext>): Promise<number> {
  if (connections) return (await connections.list()).filter(({ isActive }) => isActive).length
  const rows = await sequelize?.query<{ count: string }>(
    'SELECT count(*) AS count FROM public.slack_webhooks WHERE user_id = :userId AND is_active = true',
    { replacements: { userId: userId ?? 0 }, type: 'SELECT' },
  )
  return Number(rows?.[0]?.count ?? 0)
}

async function removeRows(sequelize: SeedContext['sequelize'], userId: number): Promise<number> {
  const [rows] = await sequelize.query('DELETE FROM public.slack_webhooks WHERE user_id = :userId RETURNING id', {
    replacements: { userId },
  })
  return rows.length
}
