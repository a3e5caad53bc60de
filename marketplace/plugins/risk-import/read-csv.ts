import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { FileError } from './file-error'
import type { Inspection } from './inspect-file'
import type { RawRow } from './read-table'
import type { SentFile } from './sent-file'

const DELIMITERS = [',', ';', '\t'] as const
const CHUNK_BYTES = 64 * 1024

/**
 * The rows of a CSV file as Excel, Numbers and others write it, numbered as a spreadsheet shows them. The text is decoded
 * and parsed piece by piece.
 *
 * @throws FileError
 */
export async function* readCsv(file: SentFile, inspection: Inspection): AsyncGenerator<RawRow> {
  const encoding = encodingOf(inspection)
  const start = new TextDecoder(encoding).decode(inspection.start, { stream: true })
  const declared = /^sep=(.)\r?\n/.exec(start)
  const body = declared ? start.slice(declared[0].length) : start
  const parser = Readable.from(textOf(file, encoding, declared?.[0].length ?? 0)).pipe(
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
function encodingOf({ start, isUtf8 }: Inspection): 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' {
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be'
  return isUtf8 ? 'utf-8' : 'windows-1252'
}

/** The one that the header has most of; titles hold none of them outside of quotes. */
function guessDelimiter(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))]
}

/** Without the first `skipped` characters. */
async function* textOf(file: SentFile, encoding: string, skipped: number): AsyncGenerator<string> {
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
