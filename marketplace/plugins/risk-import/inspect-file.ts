import { createHash } from 'node:crypto'
import type { SentFile } from './sent-file'

/** Enough for the mark of an encoding, a line that names the delimiter, and the header. */
const START_BYTES = 64 * 1024

/** What has to be known of a file before it is read. */
export interface Inspection {
  /** SHA-256. */
  digest: string
  /** The first bytes. */
  start: Buffer
  isUtf8: boolean
}

/** One walk over the file. */
export async function inspectFile(file: SentFile): Promise<Inspection> {
  const hash = createHash('sha256')
  const isUtf8 = createUtf8Check()
  let start = Buffer.alloc(0)
  for await (const piece of file.pieces()) {
    hash.update(piece)
    isUtf8.add(piece)
    if (start.length < START_BYTES) start = Buffer.concat([start, piece.subarray(0, START_BYTES - start.length)])
  }
  return { digest: hash.digest('hex'), start, isUtf8: isUtf8.result() }
}

function createUtf8Check(): { add(piece: Uint8Array): void; result(): boolean } {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let holds = true
  const attempt = (decode: () => string): void => {
    if (!holds) return
    try {
      decode()
    } catch {
      holds = false
    }
  }
  return {
    add: (piece) => attempt(() => decoder.decode(piece, { stream: true })),
    result() {
      attempt(() => decoder.decode())
      return holds
    },
  }
}
