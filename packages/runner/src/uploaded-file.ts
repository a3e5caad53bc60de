import type { RouteFile } from '@tenon/contract/wire'
import type { Uploads } from './call-context.js'

/**
 * A file as a handler gets it: whole in `buffer`, as handlers have always known it, where it is not larger than
 * `wholeUpTo` bytes. `id` is what `context.uploads.read` takes.
 *
 * @param wholeUpTo 0 for a handler that says that it reads pieces
 */
export async function uploadedFile(
  { uploadId, buffer, ...told }: RouteFile,
  uploads: Uploads,
  wholeUpTo: number,
): Promise<object> {
  if (uploadId === undefined) return { ...told, buffer: Buffer.from(buffer ?? []) }
  const file = { ...told, id: uploadId }
  return wholeUpTo > 0 && told.size <= wholeUpTo
    ? { ...file, buffer: await wholeFile(uploads, uploadId, told.size) }
    : withoutBuffer(file, wholeUpTo)
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
function withoutBuffer<File extends { originalname: string; size: number }>(file: File, wholeUpTo: number): File {
  return Object.defineProperty(file, 'buffer', {
    get(): never {
      const [size, most] = [file.size, wholeUpTo].map((bytes) => Math.ceil(bytes / 1_000_000))
      const holds = wholeUpTo > 0 ? `files of at most ${most} MB` : 'nothing, because the route reads pieces'
      throw new Error(
        `${file.originalname} has ${size} MB. file.buffer holds ${holds}: use context.uploads.read(file.id).`,
      )
    },
  })
}
