import type { ContextBlock, KnownBlock, MessageMetadata, SectionBlock } from '@slack/types'

/** Slack refuses a block with more. */
const MAX_SECTION_CHARACTERS = 3_000
const MAX_TITLE_CHARACTERS = 200

export interface Notification {
  title: string
  message: string
}

/** Where a notification comes from; travels as metadata, so that a repeated delivery can be recognised. */
export interface Origin {
  eventId?: string
  eventName?: string
  /** What the event is about; otherwise the routing type says it. */
  subject?: string
  routingType?: string
  occurredAt?: string
  /** Ids of the destinations that have had it, as the host gives them back. */
  settled?: unknown
}

/** What `chat.postMessage` and incoming webhooks both take. */
export interface SlackMessage {
  /** For notifications of the system, and where blocks are not shown. */
  text: string
  blocks: KnownBlock[]
  unfurl_links: boolean
  unfurl_media: boolean
  metadata?: MessageMetadata
}

/**
 * A notification in Slack's words. Titles and messages hold what people of the application have entered, so everything
 * in them that Slack would read as a mention or a link is escaped: no mention of a channel, no forged link, no text that
 * shows another way round than it is. What stands between asterisks and the like may still be bold: Slack has no escape.
 */
export function slackMessage({ title, message }: Notification, origin: Origin = {}): SlackMessage {
  const heading = escapeWithin(oneLine(title), MAX_TITLE_CHARACTERS)
  const body = escapeWithin(withoutControls(message).trim(), MAX_SECTION_CHARACTERS - MAX_TITLE_CHARACTERS - 10)
  const note = [origin.subject ?? origin.routingType, timeOf(origin.occurredAt)]
    .filter((part) => part !== undefined)
    .join(' · ')
  return {
    text: joined([heading, body], ': '),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      section(joined([heading === '' ? '' : `*${heading}*`, body], '\n')),
      ...(note === '' ? [] : [context(note)]),
    ],
    ...(origin.eventId === undefined
      ? {}
      : {
          metadata: {
            event_type: 'tenon_notification',
            event_payload: { event_id: origin.eventId, event_name: origin.eventName ?? '' },
          },
        }),
  }
}

function joined(parts: readonly string[], separator: string): string {
  return parts.filter((part) => part !== '').join(separator)
}

/** `verbatim`: otherwise Slack makes mentions and links of plain names and addresses. */
function section(text: string): SectionBlock {
  return { type: 'section', text: { type: 'mrkdwn', text, verbatim: true } }
}

function context(text: string): ContextBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text: escape(text), verbatim: true }] }
}

/** Escapes what Slack reads as control characters, and cuts so that the result has at most `max` of them. */
function escapeWithin(text: string, max: number): string {
  let escaped = ''
  for (const character of text) {
    const next = escape(character)
    if (escaped.length + next.length >= max) return `${escaped}…`
    escaped += next
  }
  return escaped
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

function oneLine(text: string): string {
  return withoutControls(text).replace(/\s+/g, ' ').trim()
}

/** Without control characters but the line feed, those that turn the direction of writing (bidi controls), and half ones. */
function withoutControls(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/(?!\n)\p{Cc}|\p{Cs}|[\u202a-\u202e\u2066-\u2069]/gu, ' ')
}

function timeOf(moment: string | undefined): string | undefined {
  const date = new Date(moment ?? NaN)
  return Number.isNaN(date.getTime()) ? undefined : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
