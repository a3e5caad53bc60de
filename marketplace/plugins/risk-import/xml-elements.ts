import { StringDecoder } from 'node:string_decoder'
import { FileError } from './file-error'
import { decodeEntities } from './xml-events'

/** One element of a long list: `<row r="2">…</row>` has the attributes ` r="2"`. */
export interface XmlElement {
  attributes: string
  /** Empty for `<row/>`. */
  inside: string
}

/** Longest element. A row has 16,384 cells at most, few of them with much text. */
const MAX_ELEMENT_CHARACTERS = 8_000_000
/** Longest comment or CDATA. */
const MAX_SECTION_CHARACTERS = 1_000_000
/** Longest closing tag, whose prefix is part of it. */
const MAX_CLOSING_TAG_CHARACTERS = 1_000
/** Longest tag that a list begins with. */
const MAX_LIST_TAG_CHARACTERS = 10_000

/**
 * The elements called `name` inside `list`, as texts, from a document that arrives in pieces: sheets have millions of
 * cells, and an object for each tag would cost ten times as much. As much of XML as spreadsheets use. No character is looked
 * at more than a few times, whatever stands in the document.
 *
 * @throws FileError when the document ends before its list does, one of the elements is not closed, or there is a document
 * type, which is where entities come from.
 */
export async function* xmlElements(
  chunks: AsyncIterable<Buffer>,
  list: string,
  name: string,
): AsyncGenerator<XmlElement[]> {
  const element = elementPattern(name)
  const listTag = new RegExp(`<((?:\\w+:)?)${list}(/|\\s[^<>]*)?>`)
  let closes: { element: string; list: string } | undefined
  let pending = ''
  /** What a closing tag may have begun in. */
  let tail = ''
  for await (let text of plainTexts(chunks)) {
    if (!closes) {
      pending += text
      const found = listTag.exec(pending)
      if (!found) {
        pending = tagBegunIn(pending)
        continue
      }
      const [tag, prefix = '', attributes = ''] = found
      if (attributes.endsWith('/')) return
      closes = { element: `</${prefix}${name}>`, list: `</${prefix}${list}` }
      text = pending.slice(found.index + tag.length)
      pending = ''
    }
    pending += text
    const fresh = tail + text
    if (fresh.includes(closes.list)) {
      yield elementsIn(pending.slice(0, pending.indexOf(closes.list)), element)
      return
    }
    if (fresh.includes(closes.element)) {
      const end = pending.lastIndexOf(closes.element) + closes.element.length
      yield elementsIn(pending.slice(0, end), element)
      pending = pending.slice(end)
      tail = pending.slice(-MAX_CLOSING_TAG_CHARACTERS)
    } else {
      if (pending.length > MAX_ELEMENT_CHARACTERS) throw notReadable()
      tail = fresh.slice(-MAX_CLOSING_TAG_CHARACTERS)
    }
  }
  throw notReadable()
}

/** The end of a text, when that may be the beginning of a tag. */
function tagBegunIn(text: string): string {
  const start = text.lastIndexOf('<')
  return start === -1 || text.length - start > MAX_LIST_TAG_CHARACTERS ? '' : text.slice(start)
}

export interface ElementPattern {
  name: string
  /** Its tag, also one that has no end. */
  tag: RegExp
}

/** Finds elements with this name, whatever their prefix. They do not stand in each other. */
export function elementPattern(name: string): ElementPattern {
  return { name, tag: new RegExp(`<(\\w+:)??${name}(?:(/|\\s[^<>]*)?>|(?=[\\s/]))`, 'g') }
}

/** The elements in a piece of XML without marked sections. @throws FileError when one of them is not closed */
export function elementsIn(text: string, pattern: ElementPattern): XmlElement[] {
  const elements: XmlElement[] = []
  walk(text, pattern, (attributes, inside) => elements.push({ attributes, inside }))
  return elements
}

function withoutElements(text: string, pattern: ElementPattern): string {
  let rest = ''
  let position = 0
  walk(text, pattern, (_attributes, _inside, start, end) => {
    rest += text.slice(position, start)
    position = end
  })
  return rest + text.slice(position)
}

const GREATER = '>'.charCodeAt(0)
const SLASH = '/'.charCodeAt(0)

type Visit = (attributes: string, inside: string, start: number, end: number) => void

/** Goes over the text once for tags, and once for what closes them. */
function walk(text: string, { name, tag }: ElementPattern, visit: Visit): void {
  let close = `</${name}>`
  let closePrefix: string | undefined
  let closed = 0
  tag.lastIndex = 0
  for (let match = tag.exec(text); match; match = tag.exec(text)) {
    const start = match.index
    const inside = tag.lastIndex
    if (start < closed || text.charCodeAt(inside - 1) !== GREATER) throw notReadable()
    const attributes = match[2] ?? ''
    if (text.charCodeAt(inside - 2) === SLASH) {
      closed = inside
      visit(attributes.slice(0, -1), '', start, closed)
      continue
    }
    if (match[1] !== closePrefix) {
      closePrefix = match[1]
      close = `</${closePrefix ?? ''}${name}>`
    }
    const end = text.indexOf(close, inside)
    if (end === -1) throw notReadable()
    closed = end + close.length
    visit(attributes, text.slice(inside, end), start, closed)
  }
}

/** The value of an attribute, as it is written. */
export function attributeOf(attributes: string, name: string): string | undefined {
  if (!attributes.includes(name)) return undefined
  const start = attributes.indexOf(` ${name}="`)
  if (start !== -1) return attributes.slice(start + name.length + 3, attributes.indexOf('"', start + name.length + 3))
  return new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`)
    .exec(attributes)
    ?.slice(1)
    .find((value) => value !== undefined)
}

const TEXTS = elementPattern('t')
const READING_AIDS = elementPattern('rPh')

/** What stands in `<t>`, rich text included, without the reading aids of Asian scripts (`<rPh>`). */
export function textsIn(xml: string): string {
  const plain = xml.includes('rPh') ? withoutElements(xml, READING_AIDS) : xml
  let text = ''
  for (const { inside } of elementsIn(plain, TEXTS)) text += decodeEntities(inside)
  return decodeEscapes(text)
}

/** Excel writes what XML cannot hold as `_x000D_`. */
export function decodeEscapes(text: string): string {
  return text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    : text
}

/** Comments go, and what stands in CDATA is written as other text is. */
async function* plainTexts(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const chunk of chunks) {
    const resolved = withoutMarkedSections(rest + decoder.write(chunk))
    rest = resolved.rest
    if (rest.length > MAX_SECTION_CHARACTERS) throw notReadable()
    yield resolved.plain
  }
}

const COMMENT = { open: '<!--', close: '-->' }
const CDATA = { open: '<![CDATA[', close: ']]>' }

/** The rest begins with a section whose end has not arrived. */
function withoutMarkedSections(text: string): { plain: string; rest: string } {
  let plain = ''
  let position = 0
  for (;;) {
    const start = text.indexOf('<!', position)
    if (start === -1) {
      const end = text.endsWith('<') ? text.length - 1 : text.length
      return { plain: plain + text.slice(position, end), rest: text.slice(end) }
    }
    plain += text.slice(position, start)
    const section = [COMMENT, CDATA].find(({ open }) => text.startsWith(open, start))
    if (!section && text.length >= start + CDATA.open.length) throw notReadable()
    const end = section ? text.indexOf(section.close, start + section.open.length) : -1
    if (!section || end === -1) return { plain, rest: text.slice(start) }
    if (section === CDATA) plain += escaped(text.slice(start + section.open.length, end))
    position = end + section.close.length
  }
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
}

function notReadable(): FileError {
  return new FileError('The workbook cannot be read. Open it in Excel and save it as .xlsx.')
}
