import type { Connection, SeedContext } from '@tenon/sdk'
import { callSlack } from './slack-client'

export interface ConnectedResult {
  success: boolean
  message: string
  warnings: string[]
}

/**
 * Called by the host after a workspace was connected: lets the app join the channel that was chosen. Messages arrive
 * through the webhook even when it cannot, so that is a warning.
 */
export async function connected(connection: Connection, context: SeedContext): Promise<ConnectedResult> {
  const { account, details } = connection
  const channelName = typeof details.channel === 'string' ? details.channel : 'its channel'
  const warnings: string[] = []
  try {
    await join(connection, context)
  } catch (error) {
    const warning = `The app did not join ${channelName}: ${error instanceof Error ? error.message : 'it failed'}`
    warnings.push(warning)
    context.log?.warn(warning)
  }
  return { success: true, message: `Connected to ${channelName} in ${account.name}.`, warnings }
}

async function join({ id, details }: Connection, context: SeedContext): Promise<void> {
  if (typeof details.channel_id !== 'string') return
  await callSlack('conversations.join', id, { channel: details.channel_id }, context)
}
