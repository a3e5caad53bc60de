import type { SourceText } from './plugin-folder.js'

/** Something that is not as it should be, and what to do. */
export interface Finding {
  severity: 'error' | 'warning'
  file: string
  /** From 1. */
  line: number
  message: string
}

export const error = (file: string, line: number, message: string): Finding => ({
  severity: 'error',
  file,
  line,
  message,
})
export const warning = (file: string, line: number, message: string): Finding => ({
  severity: 'warning',
  file,
  line,
  message,
})

/** The line on which a text stands first; 1 when it does not. */
export function lineOf(source: SourceText | undefined, text: string | RegExp, from = 0): number {
  if (!source) return 1
  const rest = source.text.slice(from)
  const index = typeof text === 'string' ? rest.indexOf(text) : rest.search(text)
  return index === -1 ? 1 : source.text.slice(0, from + index).split('\n').length
}

/** Where a field of an entry stands in plugins.json: below the line of its key. */
export function lineOfField(manifest: SourceText, key: string, field = 'key'): number {
  const start = manifest.text.search(new RegExp(`"key"\\s*:\\s*"${key.replace(/[^\w-]/g, '\\$&')}"`))
  if (start === -1) return 1
  if (field === 'key' || field === '') return lineOf(manifest, manifest.text.slice(start, start + 5), start)
  const next = manifest.text
    .slice(start)
    .search(new RegExp(`"${field.split('.')[0]?.replace(/[^\w-]/g, '\\$&')}"\\s*:`))
  return next === -1 ? lineOf(manifest, '"', start) : manifest.text.slice(0, start + next).split('\n').length
}

/** The first of these sources in which a text stands, with its line. */
export function placeOf(sources: readonly SourceText[], text: RegExp): { file: string; line: number } | undefined {
  const source = sources.find((one) => text.test(one.text))
  return source && { file: source.file, line: lineOf(source, text) }
}
