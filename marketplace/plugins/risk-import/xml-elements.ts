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

/**
 * The elements called `name` inside `list`, as texts, from a document that arrives in pieces: sheets have millions of
 * cells, and an object for each tag would cost ten times as much. As much of XML as spreadsheets use.
 *
 * @throws FileError when the document ends before its list does, or has a document type, which is where entities come from.
 */
export async function* xmlElements(
  chunks: AsyncIterable<Buffer>,
  list: string,
  name: string,
): AsyncGenerator<XmlElement[]> {
  const decoder = new StringDecoder('utf8')
  let pending = ''
  let patterns: Patterns | undefined
  for await (const chunk of chunks) {
    pending += decoder.write(chunk)
    patterns ??= patternsFor(pending, list, name)
    const end = patterns ? pending.lastIndexOf(patterns.close) : -1
    if (!patterns || end === -1) {
      if (pending.length > MAX_ELEMENT_CHARACTERS) throw notReadable()
      continue
    }
    const whole = pending.slice(0, end + patterns.close.length)
    pending = pending.slice(whole.length)
    yield elementsIn(whole, patterns.element)
  }
  if (!patterns?.listEnd.test(pending)) throw notReadable()
  yield elementsIn(pending, patterns.element)
}

/** The elements in a piece of XML, with this pattern of {@link elementPattern}. */
export function elementsIn(text: string, pattern: RegExp): XmlElement[] {
  const elements: XmlElement[] = []
  const plain = text.includes('<!') ? withoutMarkedSections(text) : text
  pattern.lastIndex = 0
  for (let match = pattern.exec(plain); match; match = pattern.exec(plain)) {
    elements.push({ attributes: match[1] ?? '', inside: match[2] ?? '' })
  }
  return elements
}

/** Finds elements with this name, whatever their prefix. */
export function elementPattern(name: string): RegExp {
  return new RegExp(`<(?:\\w+:)?${name}(\\s[^>]*?)?(?:/>|>([\\s\\S]*?)</(?:\\w+:)?${name}>)`, 'g')
}

/** The value of an attribute, as it is written. */
export function attributeOf(attributes: string, name: string): string | undefined {
  const start = attributes.indexOf(` ${name}="`)
  if (start !== -1) return attributes.slice(start + name.length + 3, attributes.indexOf('"', start + name.length + 3))
  return new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`)
    .exec(attributes)
    ?.slice(1)
    .find((value) => value !== undefined)
}

const TEXTS = elementPattern('t')

/** What stands in `<t>`, rich text included, without the reading aids of Asian scripts (`<rPh>`). */
export function textsIn(xml: string): string {
  const plain = xml.includes('rPh') ? xml.replace(/<(?:\w+:)?rPh[\s>][\s\S]*?<\/(?:\w+:)?rPh>/g, '') : xml
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

interface Patterns {
  element: RegExp
  close: string
  listEnd: RegExp
}

/** Undefined until the list has begun: only then it is known which prefix its elements have. */
function patternsFor(start: string, list: string, name: string): Patterns | undefined {
  if (/<!DOCTYPE/i.test(start)) throw notReadable()
  const found = new RegExp(`<((?:\\w+:)?)${list}[\\s/>]`).exec(start)
  if (!found) return undefined
  const prefix = found[1] ?? ''
  return {
    element: elementPattern(name),
    close: `</${prefix}${name}>`,
    listEnd: new RegExp(`</${prefix}${list}\\s*>|<${prefix}${list}[^>]*/>`),
  }
}

/** Comments go, and what stands in CDATA is written as other text is. */
function withoutMarkedSections(text: string): string {
  return text
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, (_, inside: string) => inside.replace(/&/g, '&amp;').replace(/</g, '&lt;'))
}

function notReadable(): FileError {
  return new FileError('The workbook cannot be read. Open it in Excel and save it as .xlsx.')
}
