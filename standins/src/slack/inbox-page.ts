import type { Reply } from '../exchange.js'
import { html, type Html } from './html.js'
import type { Message } from './inbox.js'
import { page } from './page.js'

/** The page that shows what arrived: by workspace and channel, newest first. */
export function inboxPage(messages: readonly Message[]): Reply {
  const groups = groupByChannel([...messages].reverse())
  const count = messages.length === 1 ? '1 message' : `${messages.length} messages`
  return page(
    200,
    `Slack stand-in: ${count}`,
    html`<h1>Slack stand-in</h1>
      <p class="quiet" role="status">
        ${messages.length === 0 ? 'No messages yet. They appear here as they arrive.' : count}
      </p>
      ${[...groups].map(
        ([title, arrived]) =>
          html`<section aria-label="${title}">
            <h2>${title}</h2>
            ${arrived.map(messageArticle)}
          </section>`,
      )}
      <form method="post" action="/inbox/remove-app">
        <p class="quiet">As somebody may do in Slack: what was connected is no longer accepted.</p>
        <button>Remove the app from all workspaces</button>
      </form>`,
    { script: RELOAD_SCRIPT, count: messages.length },
  )
}

function messageArticle(message: Message): Html {
  const at = message.at.toISOString()
  return html`<article>
    <time datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time> <small>by ${message.via}</small>
    ${textsOf(message).map((text) => html`<p>${mrkdwn(text)}</p>`)}
  </article>`
}

/** What a reader would see: the blocks when there are any, otherwise the text; then the attachments. */
function textsOf({ text, payload }: Message): string[] {
  const fromBlocks = listOf(payload.blocks).flatMap(blockTexts)
  const fromAttachments = listOf(payload.attachments).flatMap((attachment) =>
    [attachment.title, attachment.text ?? attachment.fallback].filter((one) => typeof one === 'string'),
  )
  return [...(fromBlocks.length > 0 ? fromBlocks : [text]), ...fromAttachments].filter(Boolean)
}

function blockTexts(block: Readonly<Record<string, unknown>>): string[] {
  const parts = [block.text, ...listOf(block.fields), ...listOf(block.elements)]
  return parts.flatMap((part) => {
    const text = typeof part === 'object' && part !== null && 'text' in part ? part.text : part
    return typeof text === 'string' ? [text] : []
  })
}

/** `chat.postMessage` takes lists as JSON in a form field too. */
function listOf(value: unknown): Readonly<Record<string, unknown>>[] {
  const list = typeof value === 'string' ? parseList(value) : value
  return Array.isArray(list)
    ? (list as unknown[]).filter((one): one is Record<string, unknown> => typeof one === 'object' && one !== null)
    : []
}

function parseList(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** The parts of Slack's markup that notifications use: bold, code and links. Everything else stays text. */
function mrkdwn(text: string): Html {
  const pattern = /\*([^*\n]+)\*|`([^`\n]+)`|<(https?:\/\/[^|>\s]+)(?:\|([^>]+))?>/g
  const parts: Html[] = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    const [all, bold, code, href, label] = match
    parts.push(html`${unescape(text.slice(end, match.index))}`)
    if (bold) parts.push(html`<strong>${unescape(bold)}</strong>`)
    else if (code) parts.push(html`<code>${unescape(code)}</code>`)
    else if (href) parts.push(html`<a href="${unescape(href)}" rel="noreferrer">${unescape(label ?? href)}</a>`)
    end = match.index + all.length
  }
  return html`${[...parts, html`${unescape(text.slice(end))}`]}`
}

/** Slack wants these three escaped by whoever sends; the page escapes them anew. */
function unescape(text: string): string {
  return text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&')
}

function channelTitle({ teamName, channelName }: Message): string {
  return `${teamName}: #${channelName}`
}

function groupByChannel(messages: readonly Message[]): Map<string, Message[]> {
  const groups = new Map<string, Message[]>()
  for (const message of messages) {
    const title = channelTitle(message)
    groups.set(title, [...(groups.get(title) ?? []), message])
  }
  return groups
}

/** Reloads only when something arrived, so that a reader is not moved about for nothing. */
const RELOAD_SCRIPT =
  `const shown=Number(document.querySelector('main').dataset.count);` +
  `setInterval(()=>fetch('inbox.json').then(r=>r.json()).then(j=>{if(j.messages.length!==shown)location.reload()}).catch(()=>{}),2000)`
