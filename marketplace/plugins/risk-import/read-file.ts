import type { UploadedFile } from '@tenon/sdk'
import { FileError } from './file-error'
import { readCsv } from './read-csv'
import { openTable, type Table } from './read-table'
import { readXlsx } from './read-xlsx'

const NO_HEADER = 'The file has no row with the titles of the template, such as "Risk Name" and "Risk Owner".'

/**
 * Opens the risks of an .xlsx or .csv file. What a file is shows in its first bytes; the name decides only between the
 * two, because anything can be text.
 *
 * @throws FileError with a sentence for the person who chose the file.
 */
export async function readFile({ originalname, buffer }: UploadedFile): Promise<Table> {
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  if (bytes.length === 0) throw new FileError('The file is empty.')
  const signature = bytes.length < 4 ? 0 : bytes.readUInt32BE(0)
  if (signature === 0xd0cf11e0) {
    throw new FileError('This is an old (.xls) or a password-protected workbook. Save it as .xlsx without a password.')
  }
  if (isUtf32(bytes))
    throw new FileError('This file is in UTF-32. Save it as UTF-8, which spreadsheet programs call "CSV UTF-8".')
  if (signature === 0x504b0304) return readWorkbook(bytes)
  if (!/\.(csv|txt|tsv)$/i.test(originalname) || isBinary(bytes)) {
    throw new FileError('Only .xlsx and .csv files can be imported. Download the template to see what is expected.')
  }
  return (await openTable(readCsv(bytes))) ?? fail(NO_HEADER)
}

async function readWorkbook(bytes: Buffer): Promise<Table> {
  for (const sheet of await readXlsx(bytes)) {
    const table = await openTable(sheet.rows())
    if (table) return table
  }
  return fail(NO_HEADER)
}

function isUtf32(bytes: Buffer): boolean {
  const mark = bytes.subarray(0, 4).toString('hex')
  return mark === 'fffe0000' || mark === '0000feff'
}

/** Text has no zero bytes, unless it is UTF-16, which says so at the beginning. */
function isBinary(bytes: Buffer): boolean {
  const marked = bytes[0] >= 0xfe && bytes[1] >= 0xfe
  return !marked && bytes.subarray(0, 8_000).includes(0)
}

function fail(message: string): never {
  throw new FileError(message)
}
