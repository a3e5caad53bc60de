import { TenonError } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'
import busboy from 'busboy'
import type { Request } from 'express'

/** Bytes of one uploaded file. It travels to the plugin in one call, so it must fit in memory on both sides. */
export const maxUploadBytes = 20_000_000
const maxFieldBytes = 100_000
const maxFields = 50

export interface Upload {
  fields: Record<string, string>
  file?: RouteFile
}

/**
 * Reads a multipart body with at most one file.
 *
 * @throws TenonError BODY_TOO_LARGE, VALIDATION_FAILED
 */
export function readUpload(request: Request, limitBytes = maxUploadBytes): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const upload: Upload = { fields: {} }
    const fail = (error: unknown): void => {
      request.unpipe(parser)
      request.resume()
      reject(
        error instanceof TenonError
          ? error
          : new TenonError('VALIDATION_FAILED', { message: 'The upload is not a valid form.' }, { cause: error }),
      )
    }
    const parser = createParser(request, limitBytes, fail)
    if (!parser) return
    parser.on('field', (name, value) => {
      if (Object.keys(upload.fields).length < maxFields)
        Object.defineProperty(upload.fields, name, { value, enumerable: true })
    })
    parser.on('file', (_name, stream, { filename, mimeType }) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('limit', () => fail(new TenonError('BODY_TOO_LARGE', { limit: `${limitBytes / 1_000_000} MB` })))
      stream.on('close', () => {
        const buffer = Buffer.concat(chunks)
        upload.file = { originalname: filename, mimetype: mimeType, size: buffer.length, buffer }
      })
    })
    parser.on('error', fail)
    parser.on('close', () => resolve(upload))
    request.on('aborted', () => fail(new TenonError('CALL_CANCELLED')))
    request.pipe(parser)
  })
}

function createParser(request: Request, fileSize: number, fail: (error: unknown) => void): busboy.Busboy | undefined {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fileSize, files: 1, fields: maxFields, fieldSize: maxFieldBytes },
    })
  } catch (error) {
    fail(error)
    return undefined
  }
}
