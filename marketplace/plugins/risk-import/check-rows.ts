import { cellText, isBlankCell, isoDay, shortened } from './cell-text'
import { dateOfSerial } from './excel-dates'
import { type CellKind, type Column, columns } from './columns'
import type { People } from './people'
import { calculateRiskLevel } from './risk-level'

/** A row as it was sent: cells by column key, and the number that the person sees beside it. */
export interface SheetRow {
  number: number
  cells: Readonly<Record<string, unknown>>
  /** Numbers that stand for days count from 1904, as in old workbooks of the Mac. */
  startsIn1904?: boolean
  /** What stands in cells behind the last title: the row was cut at a wrong place. */
  rest?: string
}

/** One thing that is wrong, for the person who filled in the sheet. */
export interface RowError {
  /** As the spreadsheet shows it. */
  row: number
  /** Key of the column, or `general`. */
  field: string
  /** Title of the column; empty for what concerns the whole row. */
  column: string
  /** What the cell shows, shortened. */
  value: string
  message: string
}

/** A row that may be stored: a value, or null, for each column of the table. */
export type Risk = Record<string, unknown>

/** What a row turned out to be. */
export type CheckedRow =
  | { kind: 'blank' }
  /** The example of the template, which nobody has changed. */
  | { kind: 'sample' }
  | { kind: 'risk'; risk: Risk }
  | { kind: 'refused'; errors: RowError[] }

/** Checks every cell of a row, so that a person can correct all mistakes at once. Never throws. */
export function checkRow(row: SheetRow, people: People): CheckedRow {
  if (row.rest !== undefined) return { kind: 'refused', errors: [restError(row.number, row.rest)] }
  if (columns.every(({ key }) => isBlankCell(row.cells[key]))) return { kind: 'blank' }
  if (isSample(row)) return { kind: 'sample' }
  const errors: RowError[] = []
  const risk: Risk = {}
  for (const column of columns) {
    const cell = row.cells[column.key]
    const read = readCell(cell, column, people, row.startsIn1904)
    if ('problem' in read) errors.push(errorOf(row.number, column, cell, read.problem))
    else risk[column.key] = read.value
  }
  if (errors.length > 0) return { kind: 'refused', errors }
  const level = calculateRiskLevel(risk.likelihood as string, risk.severity as string)
  return { kind: 'risk', risk: { ...risk, risk_level_autocalculated: level } }
}

/** Something that is wrong with one cell. */
export function errorOf(row: number, { key, title }: Column, cell: unknown, message: string): RowError {
  const read = cellText(cell)
  return { row, field: key, column: title, value: 'text' in read ? shortened(read.text) : '', message }
}

/** Something that is wrong with a row, or with all of them. */
export function generalError(row: number, message: string): RowError {
  return { row, field: 'general', column: '', value: '', message }
}

/** The other cells of the row may be in the wrong columns; mistakes in them would say nothing. */
function restError(row: number, rest: string): RowError {
  const value = shortened(rest)
  const what = `Row ${row} has more cells than there are titles: "${value}"`
  return { ...generalError(row, `${what}. Put a text with a delimiter in it into quotation marks`), value }
}

type Read = { value: unknown } | { problem: string }

function readCell(cell: unknown, column: Column, people: People, startsIn1904 = false): Read {
  const { title, holds } = column
  // A number in a column of dates is Excel's own way to write a day.
  if (holds.kind === 'date' && typeof cell === 'number') return dayOfSerial(cell, title, startsIn1904)
  const read = cellText(cell)
  if ('problem' in read) return { problem: `${title}: ${read.problem}` }
  if (read.text === '') return column.required ? { problem: `${title} is required` } : { value: null }
  return readText(read.text, title, holds, people)
}

function readText(text: string, title: string, holds: CellKind, people: People): Read {
  switch (holds.kind) {
    case 'text':
      return textOf(text, title, holds.maxLength)
    case 'choice':
      return oneOf(text, title, holds.values, holds.alsoAccepts)
    case 'choices':
      return severalOf(text, title, holds.values)
    case 'person':
      return personOf(text, title, people)
    case 'date':
      return dayOf(text, title)
  }
}

/** Postgres counts whole characters; a string has two units for some of them. */
function textOf(text: string, title: string, maxLength: number): Read {
  const length = text.length <= maxLength ? text.length : Array.from(text).length
  if (length <= maxLength) return { value: text }
  return { problem: `${title} has ${length} characters; at most ${maxLength} fit` }
}

function oneOf(
  text: string,
  title: string,
  values: readonly string[],
  alsoAccepts: Readonly<Record<string, string>> = {},
): Read {
  const other = (): string | undefined => Object.keys(alsoAccepts).find((word) => wordKey(word) === wordKey(text))
  const value = findWord(text, values) ?? alsoAccepts[other() ?? '']
  if (value !== undefined) return { value }
  return { problem: `${title} cannot be "${shortened(text)}". Choose one of: ${values.join(', ')}` }
}

function severalOf(text: string, title: string, values: readonly string[]): Read {
  const words = text
    .split(/[,;\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '')
  // Separators alone are an empty cell.
  if (words.length === 0) return { value: null }
  const unknown = words.filter((word) => findWord(word, values) === undefined)
  if (unknown.length === 0) return { value: [...new Set(words.map((word) => findWord(word, values)))] }
  return { problem: `${title} cannot be ${someOf(unknown)}. Choose from: ${values.join(', ')}` }
}

/** The same sentence for a person of another organization and for nobody: who exists elsewhere is not told here. */
function personOf(text: string, title: string, people: People): Read {
  const person = people.find(text)
  if (person) return { value: person.id }
  return {
    problem: `${title}: "${shortened(text)}" is not a person of your organization. Choose one from the list in the template`,
  }
}

function dayOfSerial(serial: number, title: string, startsIn1904: boolean): Read {
  const day = dateOfSerial(serial, startsIn1904)
  return day ? { value: midnight(day) } : { problem: notADay(String(serial), title) }
}

/** yyyy-mm-dd with any separator, a moment in ISO 8601, or dd.mm.yyyy. 03/04/2030 is a different day to different people. */
function dayOf(text: string, title: string): Read {
  const yearFirst = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ][\d:.]+(?:Z|[+-][\d:]+)?)?$/.exec(text)
  const dayFirst = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(text)
  const parts = yearFirst ? yearFirst.slice(1, 4) : (dayFirst?.slice(1, 4).reverse() ?? [])
  const [year = 0, month = 0, day = 0] = parts.map(Number)
  const moment = new Date(Date.UTC(year, month - 1, day))
  const exists = parts.length === 3 && moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day
  return exists && year >= 1900 ? { value: midnight(moment) } : { problem: notADay(text, title) }
}

/** A day of a sheet has no time zone; everybody gets the same moment for it. */
function midnight(day: Date): string {
  return `${isoDay(day)}T00:00:00Z`
}

function notADay(text: string, title: string): string {
  return `${title}: "${shortened(text)}" is not a date. Write it as yyyy-mm-dd, such as 2030-12-31`
}

/** Words that differ only in case or spaces are the same word: "Very low risk" and "Very Low risk". */
function findWord(text: string, words: readonly string[]): string | undefined {
  const known = wordsByKey.get(words) ?? new Map(words.map((word) => [wordKey(word), word]))
  wordsByKey.set(words, known)
  return known.get(wordKey(text))
}

/** The lists are always the same, and asked for each cell. */
const wordsByKey = new WeakMap<readonly string[], Map<string, string>>()

function wordKey(word: string): string {
  return word.toLowerCase().replace(/\s+/g, ' ').trim()
}

const MAX_WORDS_NAMED = 3

function someOf(words: readonly string[]): string {
  const named = words.slice(0, MAX_WORDS_NAMED).map((word) => `"${shortened(word)}"`)
  const others = words.length - named.length
  return `${named.join(', ')}${others === 0 ? '' : ` or ${others.toLocaleString('en')} ${others === 1 ? 'other' : 'others'}`}`
}

const sampleTexts = (['risk_name', 'risk_description'] as const).map((key) => ({
  key,
  sample: columns.find((column) => column.key === key)?.sample,
}))

/** The sample is known by its name and description; whoever has changed one of them has made a risk of it. */
function isSample({ cells }: SheetRow): boolean {
  return sampleTexts.every(({ key, sample }) => {
    const read = cellText(cells[key])
    return 'text' in read && read.text === sample
  })
}
