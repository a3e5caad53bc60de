import type { ContextBlock, KnownBlock, MessageMetadata, RichTextBlock, RichTextText } from '@slack/types'
import { textOf } from './text-of'

/** Slack refuses a message without any text. */
const NOTHING = '(nothing)'

/** Longer ones nobody reads; Slack refuses none of this length. */
const MAX_CHARACTERS = 3_000
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
 * A notification in Slack's words. Titles and messages hold what people of the application have entered, so they are shown
 * as they were written: as rich text, in which Slack looks for no markup, mention or link, and without characters that turn
 * the direction of writing. The text for notifications of the system knows only markup, so what would be a mention or a
 * link is escaped in it.
 */
export function slackMessage({ title, message }: Partial<Notification>, origin: Origin = {}): SlackMessage {
  const heading = cut(oneLine(textOf(title)), MAX_TITLE_CHARACTERS)
  const written = cut(withoutControls(textOf(message)).trim(), MAX_CHARACTERS - MAX_TITLE_CHARACTERS - 1)
  const body = written === '' && heading === '' ? NOTHING : written
  const note = [origin.subject ?? origin.routingType, timeOf(origin.occurredAt)]
    .filter((part) => part !== undefined)
    .join(' · ')
  return {
    text: escapeWithin(joined([heading, body], ': '), MAX_CHARACTERS),
    unfurl_links: false,
    unfurl_media: false,
    blocks: [richText(heading, body), ...(note === '' ? [] : [context(note)])],
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

function richText(heading: string, body: string): RichTextBlock {
  const elements: RichTextText[] = []
  if (heading !== '') elements.push({ type: 'text', text: heading, style: { bold: true } })
  if (body !== '') elements.push({ type: 'text', text: heading === '' ? body : `\n${body}` })
  return { type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }
}

function context(text: string): ContextBlock {
  return { type: 'context', elements: [{ type: 'plain_text', text, emoji: false }] }
}

/** At most `max` characters, none of them halved. */
function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
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
