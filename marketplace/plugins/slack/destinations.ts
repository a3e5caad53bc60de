import type { Connection, SeedContext, Sequelize } from '@tenon/sdk'
import { effectiveRouting, type RoutingType } from './routing-types'
import { callSlack, postToWebhook } from './slack-client'
import type { SlackMessage } from './slack-message'
import { SlackError } from './slack-error'
import { textOf } from './text-of'

/** A channel of a workspace that a message goes to. */
export interface Destination {
  id: string
  /** For people: `#alerts in Example Company`. */
  label: string
  /** @throws SlackError */
  post(message: SlackMessage, signal?: AbortSignal): Promise<void>
}

/** The workspaces that the organization connected, are switched on, and want to hear of this. */
export async function connectedDestinations(context: SeedContext, routingType: RoutingType): Promise<Destination[]> {
  const all = (await context.connections?.list()) ?? []
  return all
    .filter(({ isActive, settings }) => isActive && wants(settings, context.configuration, routingType))
    .map((connection) => destinationOf(connection, context))
}

/** One workspace, whatever it wants to hear of. */
export function destinationOf(connection: Connection, context: SeedContext): Destination {
  const { id, account, details } = connection
  const channelId = textOf(details.channel_id)
  return {
    id: `connection ${id}`,
    label: labelOf(textOf(details.channel), account.name),
    post: reporting(connection, context, async (message, signal) => {
      // Works in private channels, too, without anybody inviting the app.
      const webhookUrl = (await context.connections?.secrets(id))?.webhook_url
      if (webhookUrl) return postToWebhook(webhookUrl, message, signal)
      if (channelId === '') {
        throw new SlackError(
          'SLACK_REFUSED',
          'No channel was chosen. Disconnect the workspace here and connect it again.',
        )
      }
      await callSlack('chat.postMessage', id, { channel: channelId, ...message }, context)
    }),
  }
}

/** Admins see in the list of workspaces which one no longer takes messages, also when the others do. */
function reporting({ id, problem }: Connection, context: SeedContext, post: Destination['post']): Destination['post'] {
  const report = async (said: string | null): Promise<void> => {
    if (said === (problem ?? null)) return
    // What became of the message does not depend on it.
    await context.connections?.report(id, said).catch((error: unknown) => context.log?.warn(String(error)))
  }
  return async (message, signal) => {
    try {
      await post(message, signal)
    } catch (error) {
      if (error instanceof SlackError && error.isOfConnection) await report(error.message)
      throw error
    }
    await report(null)
  }
}

/** The rows of one person in `public.slack_webhooks`, for hosts that keep workspaces there. */
export async function storedDestinations(
  sequelize: Sequelize,
  userId: number,
  routingType: RoutingType,
): Promise<Destination[]> {
  const rows = await sequelize.query<{ id: number; url: string; channel: string; team_name: string }>(
    `SELECT id, url, channel, team_name FROM public.slack_webhooks
     WHERE user_id = :userId AND is_active = true AND :routingType = ANY(routing_type) ORDER BY id`,
    { replacements: { userId, routingType }, type: sequelize.QueryTypes.SELECT },
  )
  return rows.map(({ id, url, channel, team_name: team }) => ({
    id: `webhook ${id}`,
    label: labelOf(channel, team),
    post: (message, signal) => postToWebhook(readableUrl(url), message, signal),
  }))
}

function wants(settings: Record<string, unknown>, configuration: SeedContext['configuration'], type: string): boolean {
  return effectiveRouting(settings.routing_type, configuration?.routing_type).includes(type)
}

/** Rows hold the address in base64, or as it is. */
function readableUrl(stored: string): string {
  return stored.startsWith('https://') ? stored : Buffer.from(stored, 'base64').toString('utf8')
}

function labelOf(channel: string, team: string): string {
  return channel === '' ? team : `${channel.startsWith('#') ? '' : '#'}${channel} in ${team}`
}
