import { isUtf8 } from 'node:buffer'
import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { FileError } from './file-error'
import type { RawRow } from './read-table'

const DELIMITERS = [',', ';', '\t'] as const
const CHUNK_BYTES = 64 * 1024

/** Enough for the line that names the delimiter, and the header. */
const START_BYTES = 64 * 1024

/**
 * The rows of a CSV file as Excel, Numbers and others write it, numbered as a spreadsheet shows them. The text is decoded
 * and parsed piece by piece.
 *
 * @throws FileError
 */
export async function* readCsv(bytes: Buffer): AsyncGenerator<RawRow> {
  const encoding = encodingOf(bytes)
  const start = new TextDecoder(encoding).decode(bytes.subarray(0, START_BYTES), { stream: true })
  const declared = /^sep=(.)\r?\n/.exec(start)
  const body = declared ? start.slice(declared[0].length) : start
  const parser = Readable.from(pieces(bytes, encoding, declared?.[0].length ?? 0)).pipe(
    parse({
      delimiter: declared?.[1] ?? guessDelimiter(body),
      relax_column_count: true,
      skip_empty_lines: false,
      relax_quotes: true,
      max_record_size: 1_000_000,
    }),
  )
  let number = declared ? 1 : 0
  try {
    for await (const values of parser as AsyncIterable<string[]>) {
      number += 1
      if (values.some((value) => value.trim() !== '')) yield { number, values }
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new FileError(`The CSV file cannot be read in row ${number + 1}. Is a quotation mark missing there?`)
  }
}

/** UTF-16 is what Excel calls "Unicode text"; what is not UTF-8 comes from an older Excel. */
function encodingOf(bytes: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return isUtf8(bytes) ? 'utf-8' : 'windows-1252'
}

/** The one that the header has most of; titles hold none of them outside of quotes. */
function guessDelimiter(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))]
}

/** Without the first `skipped` characters. */
function* pieces(bytes: Buffer, encoding: string, skipped: number): Generator<string> {
  const decoder = new TextDecoder(encoding)
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const text = decoder.decode(bytes.subarray(start, start + CHUNK_BYTES), { stream: true })
    yield start === 0 ? text.slice(skipped) : text
  }
  yield decoder.decode()
}
