import { crc32, createDeflateRaw } from 'node:zlib'

/** What is written into an archive: a name, and its bytes piece by piece. */
export interface ZipEntry {
  name: string
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

const LOCAL_SIGNATURE = 0x04034b50
const ENTRY_SIGNATURE = 0x02014b50
const END_SIGNATURE = 0x06054b50
const VERSION = 20
/** Names are UTF-8. */
const FLAGS = 0x0800
const DEFLATED = 8
/** 1980-01-01: the same content is always the same bytes. */
const DATE = 0x21

interface Written {
  name: Buffer
  crc: number
  packedBytes: number
  unpackedBytes: number
  offset: number
}

/** An archive with these entries. Only what is packed is held in memory. */
export async function writeZip(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): Promise<Buffer> {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for await (const { name, content } of entries) {
    const packed = await pack(content)
    const written: Written = { name: Buffer.from(name), offset, ...packed }
    const start = localHeader(written)
    parts.push(start, ...packed.chunks)
    offset += start.length + packed.packedBytes
    directory.push(directoryEntry(written))
  }
  const central = Buffer.concat(directory)
  return Buffer.concat([...parts, central, endOf(directory.length, central.length, offset)])
}

async function pack(content: ZipEntry['content']) {
  const deflate = createDeflateRaw({ level: 6 })
  const chunks: Buffer[] = []
  deflate.on('data', (chunk: Buffer) => chunks.push(chunk))
  const ended = new Promise<void>((resolve, reject) => deflate.once('end', resolve).once('error', reject))
  let crc = 0
  let unpackedBytes = 0
  for await (const piece of content) {
    crc = crc32(piece, crc)
    unpackedBytes += piece.length
    if (!deflate.write(piece)) await new Promise((resolve) => deflate.once('drain', resolve))
  }
  deflate.end()
  await ended
  const packedBytes = chunks.reduce((sum, { length }) => sum + length, 0)
  return { chunks, crc, unpackedBytes, packedBytes }
}

function localHeader({ name, ...sizes }: Written): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(LOCAL_SIGNATURE, 0)
  writeCommon(header, 4, sizes, name)
  return Buffer.concat([header, name])
}

function directoryEntry({ name, offset, ...sizes }: Written): Buffer {
  const entry = Buffer.alloc(46)
  entry.writeUInt32LE(ENTRY_SIGNATURE, 0)
  entry.writeUInt16LE(VERSION, 4)
  writeCommon(entry, 6, sizes, name)
  entry.writeUInt32LE(offset, 42)
  return Buffer.concat([entry, name])
}

/** What stands in both headers, from the version on. */
function writeCommon(
  header: Buffer,
  at: number,
  { crc, packedBytes, unpackedBytes }: Pick<Written, 'crc' | 'packedBytes' | 'unpackedBytes'>,
  name: Buffer,
): void {
  header.writeUInt16LE(VERSION, at)
  header.writeUInt16LE(FLAGS, at + 2)
  header.writeUInt16LE(DEFLATED, at + 4)
  header.writeUInt16LE(DATE, at + 8)
  header.writeUInt32LE(crc, at + 10)
  header.writeUInt32LE(packedBytes, at + 14)
  header.writeUInt32LE(unpackedBytes, at + 18)
  header.writeUInt16LE(name.length, at + 22)
}

function endOf(count: number, directoryBytes: number, offset: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END_SIGNATURE, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directoryBytes, 12)
  end.writeUInt32LE(offset, 16)
  return end
}
