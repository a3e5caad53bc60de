import type { SheetRow } from './check-rows'
import { FileError, HeaderError } from './file-error'
import { type Inspection, inspectFile } from './inspect-file'
import { readCsv } from './read-csv'
import { openTable, type RawRow, type Table } from './read-table'
import { readXlsx, type Sheet } from './read-xlsx'
import { type SentFile, wholeOf } from './sent-file'
import { encodingOf } from './text-encoding'

const NO_HEADER = 'The file has no row with the titles of the template, such as "Risk Name" and "Risk Owner".'

/**
 * Opens the risks of an .xlsx or .csv file. What a file is shows in its first bytes; the name decides only between the
 * two, because anything can be text.
 *
 * @throws FileError with a sentence for the person who chose the file.
 */
export async function readFile(file: SentFile): Promise<Table & Pick<Inspection, 'digest'>> {
  const inspection = await inspectFile(file)
  return { ...(await openFile(file, inspection)), digest: inspection.digest }
}

async function openFile(file: SentFile, inspection: Inspection): Promise<Table> {
  const { start } = inspection
  if (start.length === 0) throw new FileError('The file is empty.')
  const signature = start.length < 4 ? 0 : start.readUInt32BE(0)
  if (signature === 0xd0cf11e0) return fail(whatToDoWithCompound(start))
  if (isUtf32(start))
    throw new FileError('This file is in UTF-32. Save it as UTF-8, which spreadsheet programs call "CSV UTF-8".')
  if (signature === 0x504b0304) return readWorkbook(file)
  const [extension] = /\.(csv|txt|tsv)$/i.exec(file.name) ?? []
  if (extension === undefined)
    throw new FileError('Only .xlsx and .csv files can be imported. Download the template to see what is expected.')
  if (isBinary(inspection))
    throw new FileError(
      `The file is called ${extension}, but what is in it is no text. Save it as CSV or .xlsx; the template shows how.`,
    )
  return (await openTable(readCsv(file, inspection), 'problem')) ?? fail(NO_HEADER)
}

/** A compound file (MS-CFB) names its parts, usually near its beginning. */
function whatToDoWithCompound(start: Buffer): string {
  const names = (part: string): boolean => start.includes(Buffer.from(part, 'utf16le'))
  if (names('EncryptedPackage')) return 'The workbook is protected by a password. Save it without one.'
  if (names('Workbook')) return 'This is an old workbook (.xls). Save it as .xlsx.'
  return 'This is an old (.xls) or a password-protected workbook. Save it as .xlsx without a password.'
}

/** The table of contents of a workbook stands at its end, and says where in the file everything is: it is read whole. */
async function readWorkbook(file: SentFile): Promise<Table> {
  const sheets = await readXlsx(await wholeOf(file))
  let blank: Table | undefined
  for (const [index, sheet] of sheets.entries()) {
    const table = await openSheet(sheet, sheets.length > 1)
    const first = await table?.rows.next()
    if (first?.done !== false) {
      blank ??= table
      continue
    }
    const other = await firstWithRisks(sheets.slice(index + 1))
    if (table && other === undefined) return { ...table, rows: startingWith(first.value, table.rows) }
    return fail(
      `The sheets "${sheet.name}" and "${other}" both have risks. Put them on one sheet, or hide what is not to be imported.`,
    )
  }
  return blank ?? fail(NO_HEADER)
}

async function* startingWith(first: SheetRow, rest: AsyncGenerator<SheetRow>): AsyncGenerator<SheetRow> {
  yield first
  yield* rest
}

/** @throws FileError that names the sheet where there are others, which may be the ones that were meant. */
async function openSheet({ name, rows }: Sheet, hasOthers: boolean): Promise<Table | undefined> {
  try {
    return await openTable(rows())
  } catch (error) {
    if (!hasOthers || !(error instanceof HeaderError)) throw error
    return fail(`Sheet "${name}": ${error.message} Hide the sheet if it has no risks.`)
  }
}

/** The name of the first sheet that could be imported, too. What is left out of an import must not be left out silently. */
async function firstWithRisks(sheets: readonly Sheet[]): Promise<string | undefined> {
  for (const { name, rows } of sheets) {
    const first = await firstRisk(rows())
    if (first !== undefined) return name
  }
  return undefined
}

async function firstRisk(sheet: AsyncGenerator<RawRow>): Promise<SheetRow | undefined> {
  try {
    const table = await openTable(sheet)
    const first = await table?.rows.next()
    await table?.rows.return(undefined)
    return first?.done === false ? first.value : undefined
  } catch (error) {
    // Some of the titles are no table of risks.
    if (error instanceof HeaderError) return undefined
    throw error
  }
}

function isUtf32(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 4).toString('hex')
  return mark === 'fffe0000' || mark === '0000feff'
}

/** Text has no zero bytes, unless it is UTF-16. */
function isBinary(inspection: Inspection): boolean {
  return !encodingOf(inspection).startsWith('utf-16') && inspection.start.subarray(0, 8_000).includes(0)
}

function fail(message: string): never {
  throw new FileError(message)
}
