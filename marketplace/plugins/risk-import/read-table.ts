import { cellText } from './cell-text'
import type { SheetRow } from './check-rows'
import { columnOfHeader, columns, headerOf } from './columns'
import { FileError } from './file-error'
import { MAX_ROWS } from './import-risks'

/** A row of a file: cells from left to right, and the number that a spreadsheet shows beside it. */
export interface RawRow {
  number: number
  values: readonly unknown[]
}

export interface Table {
  rows: SheetRow[]
  /** Titles that belong to no column of a risk. */
  ignoredColumns: string[]
}

/** Somebody may have put a title or a note above the header. */
const MAX_ROWS_BEFORE_HEADER = 20

/**
 * Finds the header and reads the rows below it.
 *
 * @returns undefined when there is no header among the first rows.
 * @throws FileError when a required column is missing, a column is there twice, or there are too many rows.
 */
export async function readTable(rows: AsyncIterable<RawRow>): Promise<Table | undefined> {
  let header: Header | undefined
  let rowsBefore = 0
  const read: SheetRow[] = []
  for await (const row of rows) {
    if (!header) {
      header = headerIn(row)
      rowsBefore += 1
      if (!header && rowsBefore >= MAX_ROWS_BEFORE_HEADER) return undefined
      continue
    }
    if (read.length >= MAX_ROWS) throw new FileError(`One import takes at most ${MAX_ROWS} rows. Split the file.`)
    read.push(toSheetRow(row, header))
  }
  return header && { rows: read, ignoredColumns: header.ignored }
}

interface Header {
  /** Key of the column by position. */
  keys: (string | undefined)[]
  ignored: string[]
}

/** Two known titles make a header; one could be a word in a note. */
function headerIn({ number, values }: RawRow): Header | undefined {
  const titles = Array.from(values, (value) => {
    const read = cellText(value)
    return 'text' in read ? read.text : ''
  })
  const keys = titles.map((title) => columnOfHeader(title)?.key)
  const known = keys.filter((key) => key !== undefined)
  if (known.length < 2) return undefined
  checkComplete(known, number)
  return { keys, ignored: titles.filter((title, index) => title !== '' && keys[index] === undefined) }
}

function checkComplete(known: readonly string[], number: number): void {
  const missing = columns.filter(({ key, required }) => required && !known.includes(key)).map(headerOf)
  if (missing.length > 0)
    throw new FileError(`Row ${number} has no column ${missing.map((title) => `"${title}"`).join(', ')}.`)
  const twice = columns.find(({ key }) => known.filter((one) => one === key).length > 1)
  if (twice) throw new FileError(`Row ${number} has the column "${twice.title}" twice. Remove one of them.`)
}

function toSheetRow({ number, values }: RawRow, { keys }: Header): SheetRow {
  const cells: Record<string, unknown> = {}
  keys.forEach((key, index) => {
    if (key !== undefined) cells[key] = values[index]
  })
  return { number, cells }
}
