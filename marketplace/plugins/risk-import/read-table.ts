import { cellText, shortened } from './cell-text'
import type { SheetRow } from './check-rows'
import { columnOfHeader, columns, headerOf, PROBLEMS_TITLE } from './columns'
import { HeaderError } from './file-error'

/** A row of a file: cells from left to right, and the number that a spreadsheet shows beside it. */
export interface RawRow {
  number: number
  values: readonly unknown[]
  /** See {@link SheetRow}. */
  startsIn1904?: boolean
}

export interface Table {
  /** @throws FileError when the rest of the file cannot be read */
  rows: AsyncGenerator<SheetRow>
  /** Titles that belong to no column of a risk, in short; of very many the number of the others. */
  ignoredColumns: string[]
}

/** Somebody may have put a title or a note above the header. */
export const MAX_ROWS_BEFORE_HEADER = 20

/** Whether a cell beside the titles is a note, as on a sheet, or the rest of a row that was cut at a wrong place. */
export type Surplus = 'note' | 'problem'

/**
 * Finds the header; the rows below it are read as they are asked for.
 *
 * @returns undefined when there is no header among the first rows.
 * @throws HeaderError when a required column is missing, or a column is there twice.
 */
export async function openTable(rows: AsyncGenerator<RawRow>, surplus: Surplus = 'note'): Promise<Table | undefined> {
  for (let before = 0; before < MAX_ROWS_BEFORE_HEADER; before += 1) {
    const next = await rows.next()
    if (next.done) return undefined
    const header = headerIn(next.value)
    if (header) return { ignoredColumns: header.ignored, rows: below(header, rows, surplus) }
  }
  await rows.return(undefined)
  return undefined
}

async function* below(header: Header, rows: AsyncGenerator<RawRow>, surplus: Surplus): AsyncGenerator<SheetRow> {
  for await (const row of rows) {
    const read = toSheetRow(row, header)
    const rest =
      surplus === 'problem' ? textsOf(row.values.slice(header.keys.length)).filter((text) => text !== '') : []
    yield rest.length > 0 ? { ...read, rest: rest.join(', ') } : read
  }
}

interface Header {
  /** Key of the column by position. */
  keys: (string | undefined)[]
  ignored: string[]
}

/** Two known titles make a header; one could be a word in a note. */
function headerIn({ number, values }: RawRow): Header | undefined {
  const titles = textsOf(values)
  const keys = titlesIn(values)
  const known = keys.filter((key) => key !== undefined)
  if (known.length < 2) return undefined
  checkComplete(known, number)
  const unknown = titles.filter((title, index) => title !== '' && keys[index] === undefined && !isProblemsColumn(title))
  return { keys, ignored: someOf(unknown) }
}

const MAX_TITLES_NAMED = 50

function someOf(titles: readonly string[]): string[] {
  const named = titles.slice(0, MAX_TITLES_NAMED).map(shortened)
  const others = titles.length - named.length
  return others === 0 ? named : [...named, `${others.toLocaleString('en')} ${others === 1 ? 'other' : 'others'}`]
}

/** The key of the column that each cell is the title of. */
export function titlesIn(values: readonly unknown[]): (string | undefined)[] {
  return textsOf(values).map((title) => columnOfHeader(title)?.key)
}

function textsOf(values: readonly unknown[]): string[] {
  return Array.from(values, (value) => {
    const read = cellText(value)
    return 'text' in read ? read.text : ''
  })
}

/** Of a corrected file that is sent back. */
function isProblemsColumn(title: string): boolean {
  return title.toLowerCase() === PROBLEMS_TITLE.toLowerCase()
}

function checkComplete(known: readonly string[], number: number): void {
  const missing = columns.filter(({ key, required }) => required && !known.includes(key)).map(headerOf)
  if (missing.length > 0)
    throw new HeaderError(`Row ${number} has no column ${missing.map((title) => `"${title}"`).join(', ')}.`)
  const twice = columns.find(({ key }) => known.filter((one) => one === key).length > 1)
  if (twice) throw new HeaderError(`Row ${number} has the column "${twice.title}" twice. Remove one of them.`)
}

function toSheetRow({ number, values, startsIn1904 = false }: RawRow, { keys }: Header): SheetRow {
  const cells: Record<string, unknown> = {}
  keys.forEach((key, index) => {
    if (key !== undefined) cells[key] = values[index]
  })
  return startsIn1904 ? { number, cells, startsIn1904 } : { number, cells }
}
