import { StringDecoder } from 'node:string_decoder'
import { FileError } from './file-error'

export type XmlEvent =
  | { kind: 'open'; name: string; attributes: Record<string, string> }
  | { kind: 'close'; name: string }
  | { kind: 'text'; text: string }

/** Longest tag, comment or text between two tags. These parts say what a workbook is made of; its cells are elsewhere. */
const MAX_PENDING_CHARACTERS = 200_000

/**
 * The tags and texts of an XML document that arrives in pieces, without prefixes. As much of XML as spreadsheets use: a
 * document type, which is where entities come from, is refused.
 */
export async function* xmlEvents(chunks: AsyncIterable<Buffer>): AsyncGenerator<XmlEvent[]> {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  for await (const chunk of chunks) {
    const { events, rest } = scan(pending + decoder.write(chunk))
    if (rest.length > MAX_PENDING_CHARACTERS) throw notReadable()
    pending = rest
    if (events.length > 0) yield events
  }
  if (pending.trim() !== '') throw notReadable()
}

function scan(text: string): { events: XmlEvent[]; rest: string } {
  const events: XmlEvent[] = []
  let position = text.charCodeAt(0) === 0xfeff ? 1 : 0
  for (;;) {
    const start = text.indexOf('<', position)
    if (start === -1) return { events, rest: text.slice(position) }
    const end = endOfMarkup(text, start)
    if (end === -1) return { events, rest: text.slice(position) }
    if (start > position) events.push({ kind: 'text', text: decodeEntities(text.slice(position, start)) })
    pushMarkup(events, text.slice(start, end))
    position = end
  }
}

/** Behind the markup that begins at `start`; -1 when it has not arrived as a whole. */
function endOfMarkup(text: string, start: number): number {
  if (text.startsWith('<!--', start)) return after(text, '-->', start + 4)
  if (text.startsWith('<![CDATA[', start)) return after(text, ']]>', start)
  if (text.startsWith('<?', start)) return after(text, '?>', start)
  for (let position = start + 1; position < text.length; position += 1) {
    const character = text[position]
    if (character === '>') return position + 1
    if (character !== '"' && character !== "'") continue
    position = text.indexOf(character, position + 1)
    if (position === -1) return -1
  }
  return -1
}

function after(text: string, marker: string, from: number): number {
  const found = text.indexOf(marker, from)
  return found === -1 ? -1 : found + marker.length
}

function pushMarkup(events: XmlEvent[], markup: string): void {
  if (markup.startsWith('<?') || markup.startsWith('<!--')) return
  if (markup.startsWith('<![CDATA[')) return void events.push({ kind: 'text', text: markup.slice(9, -3) })
  if (markup.startsWith('<!')) throw notReadable()
  if (markup.startsWith('</'))
    return void events.push({ kind: 'close', name: withoutPrefix(markup.slice(2, -1).trim()) })
  const selfClosing = markup.endsWith('/>')
  const inside = markup.slice(1, selfClosing ? -2 : -1)
  const name = withoutPrefix(/^[^\s]*/.exec(inside)?.[0] ?? '')
  events.push({ kind: 'open', name, attributes: attributesOf(inside) })
  if (selfClosing) events.push({ kind: 'close', name })
}

function attributesOf(tag: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, name, double, single] of tag.matchAll(/(?<![\w:.-])([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    attributes[withoutPrefix(name)] = decodeEntities(double ?? single ?? '')
  }
  return attributes
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

const NAMED: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** `&amp;` and its like as the characters that they stand for. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos));/g, (_, decimal, hex, name) => {
    if (name !== undefined) return NAMED[String(name)]
    const code = decimal === undefined ? parseInt(String(hex), 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : '\uFFFD'
  })
}

function notReadable(): FileError {
  return new FileError('The workbook cannot be read. Open it in Excel and save it as .xlsx.')
}
