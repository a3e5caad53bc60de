import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { FileError } from './file-error'
import type { RawRow } from './read-table'

const DELIMITERS = [',', ';', '\t'] as const
const CHUNK_CHARACTERS = 64 * 1024

/** The rows of a CSV file as Excel, Numbers and others write it, numbered as a spreadsheet shows them. @throws FileError */
export async function* readCsv(bytes: Buffer): AsyncGenerator<RawRow> {
  const text = decode(bytes)
  const declared = /^sep=(.)\r?\n/.exec(text)
  const body = declared ? text.slice(declared[0].length) : text
  const parser = Readable.from(pieces(body)).pipe(
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
function decode(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

/** The one that the header has most of; titles hold none of them outside of quotes. */
function guessDelimiter(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replace(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => header.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))]
}

function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; start += CHUNK_CHARACTERS) yield text.slice(start, start + CHUNK_CHARACTERS)
}
