import { pipeline, Readable } from 'node:stream'
import { CsvError, type Options, parse } from 'csv-parse'
import { parse as parseWhole } from 'csv-parse/sync'
import { FileError } from './file-error'
import type { Inspection } from './inspect-file'
import { MAX_ROWS_BEFORE_HEADER, type RawRow, titlesIn } from './read-table'
import type { SentFile } from './sent-file'
import { type Encoding, encodingOf } from './text-encoding'

const DELIMITERS = [',', ';', '\t'] as const
const CHUNK_BYTES = 64 * 1024
/** Each line may end in its own way, as in a file that two programs have written. */
const LINES: Options = { record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true }
const LENIENT: Options = { ...LINES, relax_quotes: true }
/** Of a row, in bytes. */
const MAX_ROW_BYTES = 1_000_000

/** A row, and the text that it was read from. */
interface Parsed {
  record: string[]
  raw: string
}

/**
 * The rows of a CSV file as Excel, Numbers and others write it, numbered as a spreadsheet shows them. The text is decoded
 * and parsed piece by piece.
 *
 * @throws FileError
 */
export async function* readCsv(file: SentFile, inspection: Inspection): AsyncGenerator<RawRow> {
  const encoding = encodingOf(inspection)
  const start = new TextDecoder(encoding).decode(inspection.start, { stream: true })
  const declared = /^"?sep=(.)"?(?:\r\n|\n|\r)/i.exec(start)
  const body = declared ? start.slice(declared[0].length) : start
  const delimiter = declared?.[1] ?? guessDelimiter(body)
  const parser = pipeline(
    Readable.from(textOf(file, encoding, declared?.[0].length ?? 0)),
    parse({ ...LENIENT, delimiter, raw: true, max_record_size: MAX_ROW_BYTES }),
    // Told to whoever reads the rows.
    () => undefined,
  )
  const before = declared ? 1 : 0
  let number = before
  try {
    for await (const { record: values, raw } of parser as AsyncIterable<Parsed>) {
      number += 1
      if (hasSwallowedLines(values, raw, delimiter)) throw unreadable(number)
      if (values.some((value) => value.trim() !== '')) yield { number, values }
    }
  } catch (error) {
    // Rows before the wrong one may be on their way still.
    throw error instanceof CsvError ? unreadable(before + Number(error.records) + 1) : error
  }
}

function unreadable(row: number): FileError {
  return new FileError(`The CSV file cannot be read in row ${row}. Is a quotation mark missing there?`)
}

/**
 * A mark that is not closed is closed by the next one, rows later. What follows that one shows it, unless it is a text with
 * marks in it that were written as they should be.
 */
function hasSwallowedLines(values: readonly string[], raw: string, delimiter: string): boolean {
  if (!values.some((value) => value.startsWith('"') && /[\r\n]/.test(value))) return false
  try {
    parseWhole(raw, { ...LINES, delimiter })
    return false
  } catch {
    return true
  }
}

/** The one that makes the most titles of one of the first rows. */
function guessDelimiter(text: string): string {
  const counts = DELIMITERS.map((delimiter) => Math.max(0, ...titleCounts(text, delimiter)))
  return DELIMITERS[counts.indexOf(Math.max(...counts))]
}

/** Of each of the rows that can have the titles. */
function titleCounts(text: string, delimiter: string): number[] {
  const counts: number[] = []
  const onRecord = (record: string[]): null => {
    counts.push(titlesIn(record).filter((key) => key !== undefined).length)
    return null
  }
  try {
    parseWhole(text, {
      ...LENIENT,
      delimiter,
      skip_records_with_empty_values: true,
      to: MAX_ROWS_BEFORE_HEADER,
      on_record: onRecord,
    })
  } catch (error) {
    // The text ends in the middle of a row.
    if (!(error instanceof CsvError)) throw error
  }
  return counts
}

/** Without the first `skipped` characters. */
async function* textOf(file: SentFile, encoding: Encoding, skipped: number): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  let left = skipped
  for await (const piece of file.pieces()) {
    for (let start = 0; start < piece.length; start += CHUNK_BYTES) {
      const text = decoder.decode(piece.subarray(start, start + CHUNK_BYTES), { stream: true })
      yield text.slice(left)
      left = Math.max(0, left - text.length)
    }
  }
  yield decoder.decode()
}
