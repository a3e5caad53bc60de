import type { Reply } from '../exchange.js'
import { html, type Html } from './html.js'
import type { Message } from './inbox.js'
import { objectsOf } from './lists.js'
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
    ${linesOf(message).map((line) => html`<p>${line}</p>`)}
  </article>`
}

/** What a reader would see: the blocks when there are any, otherwise the text; then the attachments. */
function linesOf({ text, payload }: Message): Html[] {
  const fromBlocks = objectsOf(payload.blocks).flatMap(blockLines)
  const fromAttachments = objectsOf(payload.attachments).flatMap((attachment) =>
    [attachment.title, attachment.text ?? attachment.fallback].filter((one) => typeof one === 'string'),
  )
  const ofText = text === '' ? [] : [mrkdwn(text)]
  return [...(fromBlocks.length > 0 ? fromBlocks : ofText), ...fromAttachments.filter(Boolean).map(mrkdwn)]
}

function blockLines(block: Readonly<Record<string, unknown>>): Html[] {
  if (block.type === 'rich_text') return objectsOf(block.elements).map(({ elements }) => richText(elements))
  const parts = [...objectsOf([block.text]), ...objectsOf(block.fields), ...objectsOf(block.elements)]
  return parts.flatMap(({ type, text }) => {
    if (typeof text !== 'string' || text === '') return []
    return [type === 'mrkdwn' ? mrkdwn(text) : html`${text}`]
  })
}

/** Text stands as it is, and may be bold. */
function richText(elements: unknown): Html {
  const parts = objectsOf(elements).map(({ text, style }) => {
    const shown = typeof text === 'string' ? text : ''
    const [{ bold = false } = {}] = objectsOf([style])
    return bold === true ? html`<strong>${shown}</strong>` : html`${shown}`
  })
  return html`${parts}`
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
