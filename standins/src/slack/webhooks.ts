import { parsedBody, textReply, type Asked, type Reply } from '../exchange.js'
import { problemsOfBlocks } from './blocks.js'
import type { Inbox } from './inbox.js'
import type { Installations } from './installations.js'

/** Answers `/services/<team>/<webhook>/<secret>`: in plain text, with a status that says what kind of trouble it is. */
export function createWebhooks(installations: Installations, inbox: Inbox): (asked: Asked) => Reply {
  return (asked) => {
    const [teamId = '', webhookId = '', secret = ''] = asked.path.split('/').slice(2)
    if (asked.method !== 'POST') return plain(405, 'method_not_allowed')
    const found = installations.webhookAt(teamId, webhookId)
    if (!found) return plain(404, 'no_service')
    if (found.webhook.secret !== secret) return plain(403, 'invalid_token')

    const { workspace } = found.installation
    const channel = workspace.channels.find(({ id }) => id === found.webhook.channelId)
    if (!channel) return plain(404, 'channel_not_found')
    if (channel.isArchived) return plain(410, 'channel_is_archived')

    const payload = payloadOf(asked)
    if (!payload) return plain(400, 'invalid_payload')
    if (!isFilled(payload.text) && !isFilled(payload.blocks) && !isFilled(payload.attachments)) {
      return plain(400, 'no_text')
    }
    if (payload.blocks !== undefined) {
      if (!Array.isArray(payload.blocks)) return plain(400, 'invalid_blocks_format')
      if (problemsOfBlocks(payload.blocks).length > 0) return plain(400, 'invalid_blocks')
    }
    inbox.add({
      via: 'webhook',
      teamId: workspace.id,
      teamName: workspace.name,
      channelId: channel.id,
      channelName: channel.name,
      text: typeof payload.text === 'string' ? payload.text : '',
      payload,
    })
    return plain(200, 'ok')
  }
}

/** JSON, or a form with JSON in its field `payload`. */
function payloadOf(asked: Asked): Readonly<Record<string, unknown>> | undefined {
  const body = parsedBody(asked)
  if (!asked.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return body
  const headers = { 'content-type': 'application/json' }
  return typeof body?.payload === 'string' ? parsedBody({ ...asked, headers, text: body.payload }) : undefined
}

function isFilled(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

function plain(status: number, body: string): Reply {
  return textReply(status, 'text/html; charset=utf-8', body)
}
