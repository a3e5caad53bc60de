import { cellText, isBlankCell, isoDay } from './cell-text'
import { type CellKind, type Column, columns } from './columns'
import type { People } from './people'
import { calculateRiskLevel } from './risk-level'

/** A row as it was sent: cells by column key, and the number that the person sees beside it. */
export interface SheetRow {
  number: number
  cells: Readonly<Record<string, unknown>>
}

export interface RowError {
  row: number
  /** Key of the column, or `general`. */
  field: string
  message: string
}

/** A row that may be stored: a value, or null, for each column of the table. */
export type Risk = Record<string, unknown>

export interface CheckedRows {
  risks: Risk[]
  errors: RowError[]
  /** Rows of the sheet that hold nothing but the template's sample. */
  skipped: number
  /** Rows that hold something. */
  considered: number
}

/** Checks every cell of every row, so that a person can correct all mistakes at once. Never throws. */
export function checkRows(rows: readonly SheetRow[], people: People): CheckedRows {
  const checked: CheckedRows = { risks: [], errors: [], skipped: 0, considered: 0 }
  for (const row of rows) {
    if (columns.every(({ key }) => isBlankCell(row.cells[key]))) continue
    if (isSample(row)) {
      checked.skipped += 1
      continue
    }
    checked.considered += 1
    const errors = checkRow(row, people, checked.risks)
    checked.errors.push(...errors)
  }
  return checked
}

/** Adds the risk to `risks` when there is no error. */
function checkRow(row: SheetRow, people: People, risks: Risk[]): RowError[] {
  const errors: RowError[] = []
  const risk: Risk = {}
  for (const column of columns) {
    const read = readCell(row.cells[column.key], column, people)
    if ('problem' in read) errors.push({ row: row.number, field: column.key, message: read.problem })
    else risk[column.key] = read.value
  }
  if (errors.length === 0) {
    const level = calculateRiskLevel(risk.likelihood as string, risk.severity as string)
    risks.push({ ...risk, risk_level_autocalculated: level })
  }
  return errors
}

type Read = { value: unknown } | { problem: string }

function readCell(cell: unknown, column: Column, people: People): Read {
  const { title, holds } = column
  // A number in a column of dates is Excel's own way to write a day.
  if (holds.kind === 'date' && typeof cell === 'number') return dayOfSerial(cell, title)
  const read = cellText(cell)
  if ('problem' in read) return { problem: `${title}: ${read.problem}` }
  if (read.text === '') return column.required ? { problem: `${title} is required` } : { value: null }
  return readText(read.text, title, holds, people)
}

function readText(text: string, title: string, holds: CellKind, people: People): Read {
  switch (holds.kind) {
    case 'text':
      if (text.length <= holds.maxLength) return { value: text }
      return { problem: `${title} has ${text.length} characters; at most ${holds.maxLength} fit` }
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

function oneOf(
  text: string,
  title: string,
  values: readonly string[],
  alsoAccepts: Readonly<Record<string, string>> = {},
): Read {
  const value = findWord(text, values) ?? alsoAccepts[findWord(text, Object.keys(alsoAccepts)) ?? '']
  if (value !== undefined) return { value }
  return { problem: `${title} cannot be "${shortened(text)}". Choose one of: ${values.join(', ')}` }
}

function severalOf(text: string, title: string, values: readonly string[]): Read {
  const words = text
    .split(/[,;\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const unknown = words.filter((word) => findWord(word, values) === undefined)
  if (unknown.length === 0) return { value: [...new Set(words.map((word) => findWord(word, values)))] }
  const named = unknown.map((word) => `"${shortened(word)}"`).join(', ')
  return { problem: `${title} cannot be ${named}. Choose from: ${values.join(', ')}` }
}

/** The same sentence for a person of another organization and for nobody: who exists elsewhere is not told here. */
function personOf(text: string, title: string, people: People): Read {
  const person = people.find(text)
  if (person) return { value: person.id }
  return {
    problem: `${title}: "${shortened(text)}" is not a person of your organization. Choose one from the list in the template`,
  }
}

const DAYS_FROM_SERIAL_TO_1970 = 25_569
const LAST_SERIAL = 2_958_465
const DAY_MS = 86_400_000

function dayOfSerial(serial: number, title: string): Read {
  if (!(serial >= 1 && serial <= LAST_SERIAL)) return { problem: notADay(String(serial), title) }
  return { value: midnight(new Date((Math.floor(serial) - DAYS_FROM_SERIAL_TO_1970) * DAY_MS)) }
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
  const wanted = wordKey(text)
  return words.find((word) => wordKey(word) === wanted)
}

function wordKey(word: string): string {
  return word.toLowerCase().replace(/\s+/g, ' ').trim()
}

function shortened(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 59)}…`
}

const sampleKeys = ['risk_name', 'risk_description'] as const

/** The sample is known by its name and description; whoever has changed one of them has made a risk of it. */
function isSample({ cells }: SheetRow): boolean {
  return sampleKeys.every((key) => {
    const read = cellText(cells[key])
    return 'text' in read && read.text === columns.find((column) => column.key === key)?.sample
  })
}
