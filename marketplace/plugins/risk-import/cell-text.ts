/** The text of a cell, or why it has none. */
export type CellText = { text: string } | { problem: string }

/**
 * Reads whatever a sheet, a JSON row or a library puts into a cell: texts, numbers, dates, booleans, rich text,
 * hyperlinks, formulas with their result, errors. Never throws; something unknown is a problem with a sentence.
 */
export function cellText(value: unknown, depth = 0): CellText {
  if (value === null || value === undefined) return { text: '' }
  if (typeof value === 'string') return { text: cleanText(value) }
  if (typeof value === 'boolean' || typeof value === 'bigint') return { text: String(value) }
  if (typeof value === 'number') return Number.isFinite(value) ? { text: String(value) } : { problem: UNREADABLE }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? { problem: UNREADABLE } : { text: isoDay(value) }
  if (typeof value !== 'object' || depth > 4) return { problem: UNREADABLE }
  if (Array.isArray(value)) return joined(value, ', ', depth)
  return objectText(value as Record<string, unknown>, depth)
}

/** True for a cell that somebody left empty. */
export function isBlankCell(value: unknown): boolean {
  if (value === undefined || value === '') return true
  const read = cellText(value)
  return 'text' in read && read.text === ''
}

/** The day of a moment, in UTC: yyyy-mm-dd. */
export function isoDay(moment: Date): string {
  return moment.toISOString().slice(0, 10)
}

const UNREADABLE = 'The cell cannot be read'

function objectText(value: Record<string, unknown>, depth: number): CellText {
  if ('error' in value) return { problem: `The cell shows ${String(value.error).slice(0, 20)}` }
  if (Array.isArray(value.richText)) {
    return joined(
      value.richText.map((part: unknown) => (isRecord(part) ? part.text : part)),
      '',
      depth,
    )
  }
  if ('hyperlink' in value || 'text' in value) return cellText(value.text ?? value.hyperlink, depth + 1)
  if ('formula' in value || 'sharedFormula' in value) {
    if (value.result === undefined) return { problem: 'The formula has no result; open the file in Excel and save it' }
    return cellText(value.result, depth + 1)
  }
  return { problem: UNREADABLE }
}

function joined(parts: readonly unknown[], separator: string, depth: number): CellText {
  const texts: string[] = []
  for (const part of parts) {
    // Spaces between the runs of a rich text are part of it, so they must not be trimmed one by one.
    const read = typeof part === 'string' ? { text: part } : cellText(part, depth + 1)
    if ('problem' in read) return read
    texts.push(read.text)
  }
  return { text: cleanText(texts.join(separator)) }
}

/** Without what Postgres cannot store, and without the spaces that stick to a copied cell. */
export function cleanText(text: string): string {
  return (/[\0\uD800-\uDFFF]/.test(text) ? storable(text) : text).trim()
}

/** The first `max` UTF-16 units of a text, and no half of a character. */
export function startOf(text: string, max: number): string {
  return text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '')
}

/** As much of a text as a sentence has room for. */
export function shortened(text: string): string {
  return text.length <= 60 ? text : `${startOf(text, 59)}…`
}

function storable(text: string): string {
  return text
    .split('\0')
    .join('')
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
