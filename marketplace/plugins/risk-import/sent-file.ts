import type { SeedContext, UploadedFile } from '@tenon/sdk'

/** A file that somebody sent, read as often as needed and never as a whole unless somebody asks for that. */
export interface SentFile {
  name: string
  /** In bytes. */
  size: number
  /** In order. */
  pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** Where the host keeps files, pieces come from there; on other hosts the whole file is there already. */
export function sentFile(file: UploadedFile, uploads: SeedContext['uploads']): SentFile {
  const { id, originalname: name, size } = file
  const pieces = uploads && id !== undefined ? () => uploads.read(id) : () => [file.buffer]
  return { name, size, pieces }
}

export async function wholeOf(file: SentFile): Promise<Buffer> {
  const whole = Buffer.alloc(file.size)
  let offset = 0
  for await (const piece of file.pieces()) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}
