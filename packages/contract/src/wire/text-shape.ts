import { createTextSet } from './text-set.js'

const byte = {
  quote: 0x22,
  backslash: 0x5c,
  bracket: 0x5b,
  bracketEnd: 0x5d,
  brace: 0x7b,
  braceEnd: 0x7d,
  colon: 0x3a,
  space: 0x20,
  letterU: 0x75,
  zero: 0x30,
  nine: 0x39,
}

/** What reading a JSON text may cost beside its bytes. */
export interface ShapeLimits {
  /** Lists and objects in each other. */
  maxLevels: number
  /** What a parser has to make: 1 for each list, object and different short text, 5 for each different key; see `parts`. */
  maxParts: number
}

/** In this proportion they are work to a parser, and to all who read what it made. */
const parts = { shortText: 1, container: 1, key: 5, number: 1 }
/** V8 looks up texts of up to so many characters, to keep each only once; longer ones it copies, which is cheap. */
const shortCharacters = 10

/**
 * Which limit a JSON text does not keep to: to be asked before it is parsed, which takes seconds for megabytes of
 * brackets or of different keys. What is no JSON gets any answer.
 */
export function findExcess(text: Buffer, { maxLevels, maxParts }: ShapeLimits): 'levels' | 'parts' | undefined {
  const seen = canExceed(text, maxParts) ? createTextSet(text, maxParts) : undefined
  let open = 0
  let made = 0
  for (let at = 0; at < text.length; at++) {
    const read = text[at]
    if (read === byte.quote) {
      const end = endOfString(text, at)
      if (seen) made += partsOfString(text, at + 1, end, seen)
      at = end
    } else if (read === byte.bracket || read === byte.brace) {
      open += 1
      made += parts.container
    } else if (read === byte.bracketEnd || read === byte.braceEnd) open -= 1
    if (open > maxLevels) return 'levels'
    if (made > maxParts) return 'parts'
  }
  return undefined
}

/** Whether a text can be made of more parts than these at all: each of them takes at least a byte. */
export function canExceed(text: Buffer, maxParts: number): boolean {
  return text.length > maxParts
}

function partsOfString(text: Buffer, start: number, end: number, seen: ReturnType<typeof createTextSet>): number {
  if (isKey(text, end)) return seen.add(start, end, 1) ? parts.key : isDigit(text[start]) ? parts.number : 0
  return isShort(text, start, end) && seen.add(start, end, 0) ? parts.shortText : 0
}

/** A key that is a number is no part of an object's shape: each object keeps a table for its own. */
const isDigit = (read = 0) => read >= byte.zero && read <= byte.nine

function isKey(text: Buffer, end: number): boolean {
  let next = end + 1
  while ((text[next] ?? byte.colon) <= byte.space) next += 1
  return text[next] === byte.colon
}

/** A character may be one byte or several, or an escape. */
function isShort(text: Buffer, start: number, end: number): boolean {
  if (end - start <= shortCharacters) return true
  let characters = 0
  for (let at = start; at < end; at++) {
    const read = text[at] as number
    if (read === byte.backslash) at += text[at + 1] === byte.letterU ? 5 : 1
    if ((read & 0xc0) !== 0x80 && ++characters > shortCharacters) return false
  }
  return true
}

/** Where the text ends that begins at a quote; after everything, when it does not. */
function endOfString(text: Buffer, start: number): number {
  let end = text.indexOf(byte.quote, start + 1)
  while (end >= 0 && isEscaped(text, end)) end = text.indexOf(byte.quote, end + 1)
  return end < 0 ? text.length : end
}

function isEscaped(text: Buffer, at: number): boolean {
  let first = at
  while (text[first - 1] === byte.backslash) first -= 1
  return (at - first) % 2 === 1
}
