import { wireLimits, type RouteFile } from '@tenon/contract/wire'
import type { Uploads } from './call-context.js'

/**
 * A file as a handler gets it: whole in `buffer`, as handlers have always known it, where it fits and the handler does
 * not say that it reads pieces. `id` is what `context.uploads.read` takes.
 */
export async function uploadedFile(
  { uploadId, buffer, ...told }: RouteFile,
  uploads: Uploads,
  takesPieces: boolean,
): Promise<object> {
  if (uploadId === undefined) return { ...told, buffer: Buffer.from(buffer ?? []) }
  const file = { ...told, id: uploadId }
  const isWhole = !takesPieces && told.size <= wireLimits.maxWholeFileBytes
  return isWhole ? { ...file, buffer: await wholeFile(uploads, uploadId, told.size) } : withoutBuffer(file)
}

async function wholeFile(uploads: Uploads, id: string, size: number): Promise<Buffer> {
  const whole = Buffer.alloc(size)
  let offset = 0
  for await (const piece of uploads.read(id)) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole
}

/** Whoever reads `buffer` nevertheless is told what to do instead of finding nothing. */
function withoutBuffer<File extends { originalname: string; size: number }>(file: File): File {
  return Object.defineProperty(file, 'buffer', {
    get(): never {
      const [size, most] = [file.size, wireLimits.maxWholeFileBytes].map((bytes) => Math.ceil(bytes / 1_000_000))
      throw new Error(
        `${file.originalname} has ${size} MB. file.buffer holds files of at most ${most} MB, and none where the route reads pieces: use context.uploads.read(file.id).`,
      )
    },
  })
}
