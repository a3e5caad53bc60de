import { cellText } from './cell-text'
import type { RowError, SheetRow } from './check-rows'
import { columns } from './columns'
import type { Judge } from './import-risks'
import type { People } from './people'
import { buildTemplate, CORRECTION_STYLES } from './template'
import { writeZip, type ZipEntry } from './write-zip'
import { openZip, type ZipArchive } from './zip-archive'

/** Excel cuts a cell there. */
const MAX_CELL_CHARACTERS = 32_767
const CHUNK_CHARACTERS = 256 * 1024

/**
 * The rows of a file as a workbook like the template, to be corrected in place: cells with mistakes are marked, and the
 * last column says what is wrong. The rows go into the sheet as they are read, so that they are never all in memory.
 *
 * @throws FileError
 */
export async function buildCorrections(
  rows: AsyncIterable<SheetRow> | Iterable<SheetRow>,
  judge: Judge,
  people: People,
) {
  const template = openZip(await buildTemplate({ people, forCorrections: true }))
  return writeZip(withRows(template, rows, judge))
}

async function* withRows(
  template: ZipArchive,
  rows: AsyncIterable<SheetRow> | Iterable<SheetRow>,
  judge: Judge,
): AsyncGenerator<ZipEntry> {
  for (const name of template.names()) {
    const isRisks = name === 'xl/worksheets/sheet1.xml'
    yield { name, content: isRisks ? sheetWithRows(await textOf(template, name), rows, judge) : template.read(name) }
  }
}

async function* sheetWithRows(
  sheet: string,
  rows: AsyncIterable<SheetRow> | Iterable<SheetRow>,
  judge: Judge,
): AsyncGenerator<Uint8Array> {
  const styles = stylesIn(sheet)
  const [before = '', after = ''] = sheet.replace(/<row r="2".*?<\/row>/s, ROWS_GO_HERE).split(ROWS_GO_HERE)
  // The size that the template had; programs work it out themselves.
  let text = before.replace(/<dimension [^>]*>/, '')
  let number = 1
  for await (const row of rows) {
    const verdict = judge(row)
    if (verdict === undefined || verdict === 'sample') continue
    number += 1
    text += rowXml(number, row, 'errors' in verdict ? verdict.errors : [], styles)
    if (text.length < CHUNK_CHARACTERS) continue
    yield Buffer.from(text)
    text = ''
  }
  yield Buffer.from(text + after)
}

const ROWS_GO_HERE = '<!--rows-->'

interface Styles {
  mistake: string
  mistakenDate: string
  date: string
}

/** The second row of the template has one cell in each of the styles that corrections need. */
function stylesIn(sheet: string): Styles {
  const styleOf = (cell: string): string => new RegExp(`<c r="${cell}2"[^>]*? s="(\\d+)"`).exec(sheet)?.[1] ?? '0'
  const { mistake, mistakenDate, date } = CORRECTION_STYLES
  return { mistake: styleOf(mistake), mistakenDate: styleOf(mistakenDate), date: styleOf(date) }
}

function rowXml(number: number, { cells }: SheetRow, errors: readonly RowError[], styles: Styles): string {
  const inColumns = columns.map(({ key, holds }, index) => {
    const isMistake = errors.some(({ field }) => field === key)
    const style =
      holds.kind === 'date' ? (isMistake ? styles.mistakenDate : styles.date) : isMistake ? styles.mistake : ''
    return cellXml(`${letterOf(index)}${number}`, cells[key], style)
  })
  const problems = errors.map(({ message }) => message).join('\n')
  return `<row r="${number}">${inColumns.join('')}${cellXml(`${letterOf(columns.length)}${number}`, problems, '')}</row>`
}

/** Always a text or a number, never a formula: what starts with = is shown, and not worked out. */
function cellXml(reference: string, value: unknown, style: string): string {
  const attributes = `r="${reference}"${style === '' ? '' : ` s="${style}"`}`
  if (typeof value === 'number' && Number.isFinite(value)) return `<c ${attributes}><v>${value}</v></c>`
  const read = cellText(value)
  const text = 'text' in read ? read.text.slice(0, MAX_CELL_CHARACTERS) : ''
  if (text === '') return style === '' ? '' : `<c ${attributes}/>`
  return `<c ${attributes} t="inlineStr"><is><t xml:space="preserve">${escapeXml(text)}</t></is></c>`
}

/** What XML cannot hold is written as Excel writes it. */
function escapeXml(text: string): string {
  return text
    .replace(/_x(?=[0-9A-Fa-f]{4}_)/g, '_x005F_x')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(CONTROLS, (character) => `_x${character.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}_`)
}

// eslint-disable-next-line no-control-regex -- these are what it is about
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g

/** 0 is A; there are no more than 26. */
function letterOf(index: number): string {
  return String.fromCharCode(65 + index)
}

async function textOf(archive: ZipArchive, name: string): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of archive.read(name)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
