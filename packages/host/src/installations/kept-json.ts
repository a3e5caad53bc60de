import type { UploadOwner, UploadStore } from '../uploads/index.js'

/** JSON that lies among the files of an organization. */
export interface KeptJson {
  id: string
  /** Nothing of it remains. */
  abandon(): Promise<void>
}

/** @throws TenonError UPLOADS_FULL */
export async function keepJson(
  uploads: Pick<UploadStore, 'begin'>,
  owner: UploadOwner,
  bytes: Buffer,
): Promise<KeptJson> {
  const upload = await uploads.begin(owner, bytes.length)
  const abandon = () => upload.abandon().catch(() => undefined)
  try {
    await upload.write(bytes)
    await upload.end()
  } catch (error) {
    await abandon()
    throw error
  }
  return { id: upload.id, abandon }
}

/** @throws TenonError UPLOAD_NOT_FOUND */
export async function readJson(uploads: Pick<UploadStore, 'read'>, owner: UploadOwner, id: string): Promise<unknown> {
  const pieces: Buffer[] = []
  for (let piece; (piece = await uploads.read(owner, id, pieces.length));) pieces.push(piece)
  return JSON.parse(Buffer.concat(pieces).toString())
}
