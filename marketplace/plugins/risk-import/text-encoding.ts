import type { Inspection } from './inspect-file'

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252'

/** UTF-16 is what Excel calls "Unicode text"; what is not UTF-8 comes from an older Excel. */
export function encodingOf({ start, isUtf8 }: Pick<Inspection, 'start' | 'isUtf8'>): Encoding {
  const [first, second, third, fourth] = start
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  // Without a mark, the zeros of the first two characters tell.
  if (first && second === 0 && third && fourth === 0) return 'utf-16le'
  if (first === 0 && second && third === 0 && fourth) return 'utf-16be'
  return isUtf8 ? 'utf-8' : 'windows-1252'
}
