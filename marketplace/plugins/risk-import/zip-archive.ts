import { PassThrough } from 'node:stream'
import { createInflateRaw } from 'node:zlib'
import { FileError } from './file-error'

/** What a workbook of 100,000 rows unpacks to, several times over. A small file can unpack to gigabytes. */
const MAX_UNPACKED_BYTES = 400 * 1024 * 1024
/** Sheets are packed to a tenth or a fiftieth. What is packed to less than this was made to be too large. */
const MAX_RATIO = 200
/** Below this the ratio says nothing. */
const SMALL_BYTES = 10 * 1024 * 1024
const MAX_ENTRIES = 5_000

const END_SIGNATURE = 0x06054b50
const ENTRY_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 65_535
const STORED = 0
const DEFLATED = 8

const TOO_LARGE =
  'The workbook is too large when it is unpacked. Copy its risks into a new template: rows that are only formatted take space, too.'

interface Entry {
  method: number
  encrypted: boolean
  packedBytes: number
  /** As the directory says it, which need not be true. */
  unpackedBytes: number
  localOffset: number
}

/** An archive in memory. */
export interface ZipArchive {
  has(name: string): boolean
  names(): IterableIterator<string>
  /** The unpacked bytes, piece by piece. @throws FileError */
  read(name: string): AsyncGenerator<Buffer>
}

/** Reads the directory of an archive, which stands at its end. @throws FileError when there is none. */
export function openZip(bytes: Buffer, maxUnpackedBytes = MAX_UNPACKED_BYTES): ZipArchive {
  const entries = readDirectory(bytes)
  let unpackedBytes = 0
  return {
    has: (name) => entries.has(name),
    names: () => entries.keys(),
    async *read(name) {
      const entry = entries.get(name)
      if (!entry) throw new FileError('The file is damaged: a part of the workbook is missing.')
      const assertBounded = (entryBytes: number, allBytes: number): void => {
        const isBomb = entryBytes > SMALL_BYTES && entryBytes > entry.packedBytes * MAX_RATIO
        if (isBomb || allBytes > maxUnpackedBytes) throw new FileError(TOO_LARGE)
      }
      assertBounded(entry.unpackedBytes, unpackedBytes)
      let entryBytes = 0
      for await (const chunk of unpack(packedBytesOf(bytes, entry), entry)) {
        unpackedBytes += chunk.length
        entryBytes += chunk.length
        assertBounded(entryBytes, unpackedBytes)
        yield chunk
      }
    },
  }
}

function readDirectory(bytes: Buffer): Map<string, Entry> {
  const end = findEnd(bytes)
  const count = bytes.readUInt16LE(end + 10)
  let offset = bytes.readUInt32LE(end + 16)
  if (count > MAX_ENTRIES || offset === 0xffffffff) throw new FileError('The workbook is too large.')
  const entries = new Map<string, Entry>()
  for (let index = 0; index < count; index += 1) {
    if (offset + 46 > bytes.length || bytes.readUInt32LE(offset) !== ENTRY_SIGNATURE) throw damaged()
    const nameBytes = bytes.readUInt16LE(offset + 28)
    const name = bytes.toString('utf8', offset + 46, offset + 46 + nameBytes).replace(/\\/g, '/')
    entries.set(name, {
      method: bytes.readUInt16LE(offset + 10),
      encrypted: (bytes.readUInt16LE(offset + 8) & 1) === 1,
      packedBytes: bytes.readUInt32LE(offset + 20),
      unpackedBytes: bytes.readUInt32LE(offset + 24),
      localOffset: bytes.readUInt32LE(offset + 42),
    })
    offset += 46 + nameBytes + bytes.readUInt16LE(offset + 30) + bytes.readUInt16LE(offset + 32)
  }
  return entries
}

function findEnd(bytes: Buffer): number {
  const first = Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES)
  for (let offset = bytes.length - END_BYTES; offset >= first; offset -= 1) {
    if (bytes.readUInt32LE(offset) === END_SIGNATURE) return offset
  }
  throw damaged()
}

function packedBytesOf(bytes: Buffer, { localOffset, packedBytes, encrypted, method }: Entry): Buffer {
  if (encrypted) throw new FileError('The workbook is protected by a password. Save it without one.')
  if (method !== STORED && method !== DEFLATED) throw damaged()
  if (localOffset + 30 > bytes.length || bytes.readUInt32LE(localOffset) !== LOCAL_SIGNATURE) throw damaged()
  const start = localOffset + 30 + bytes.readUInt16LE(localOffset + 26) + bytes.readUInt16LE(localOffset + 28)
  if (start + packedBytes > bytes.length) throw damaged()
  return bytes.subarray(start, start + packedBytes)
}

async function* unpack(packed: Buffer, { method }: Entry): AsyncGenerator<Buffer> {
  const unpacked = method === DEFLATED ? createInflateRaw() : new PassThrough()
  unpacked.end(packed)
  try {
    for await (const chunk of unpacked) yield chunk as Buffer
  } catch (error) {
    throw isZlibError(error) ? damaged() : error
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && /^Z_/.test((error as NodeJS.ErrnoException).code ?? '')
}

function damaged(): FileError {
  return new FileError('The file is damaged, or no workbook. Open it in Excel and save it as .xlsx.')
}
