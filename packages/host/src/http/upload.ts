import { TenonError } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'
import busboy from 'busboy'
import type { Request } from 'express'

/** Bytes of one uploaded file. It travels to the plugin in one call, so it must fit in memory on both sides. */
export const maxUploadBytes = 20_000_000
const maxFieldBytes = 100_000
const maxFields = 50
/** The fields, the file, and the end of the form, which busboy counts too. */
const maxParts = maxFields + 2

/** Bytes of a whole form that can be read. What names and types of its parts take counts as fields do. */
export const maxFormBytes = maxUploadBytes + maxFields * maxFieldBytes

export interface Upload {
  fields: Record<string, string>
  file?: RouteFile
}

/**
 * Reads a multipart body with at most one file. Of fields with the same name the last counts.
 *
 * @throws TenonError BODY_TOO_LARGE, VALIDATION_FAILED
 */
export function readUpload(request: Request, limitBytes = maxUploadBytes): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const parser = createParser(request, limitBytes)
    // A Map: names are the sender's, also `__proto__`.
    const fields = new Map<string, string>()
    let file: RouteFile | undefined
    const fail = (error: unknown): void => {
      request.unpipe(parser)
      request.resume()
      reject(error instanceof TenonError ? error : notAForm(error))
    }
    parser.on('field', (name, value) => void fields.set(name, value))
    parser.on('file', (_name, stream, { filename, mimeType }) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('limit', () => fail(new TenonError('BODY_TOO_LARGE', { limit: `${limitBytes / 1_000_000} MB` })))
      // A form that ends within a file is told to the file too; without a listener it would end the process.
      stream.on('error', fail)
      stream.on('end', () => {
        const buffer = Buffer.concat(chunks)
        // A part may come without a name for its file.
        file = { originalname: String(filename ?? ''), mimetype: mimeType, size: buffer.length, buffer }
      })
    })
    for (const limit of ['fieldsLimit', 'partsLimit'] as const) parser.on(limit, () => fail(notAForm(limit)))
    parser.on('error', fail)
    parser.on('close', () => resolve({ fields: Object.fromEntries(fields), ...(file ? { file } : {}) }))
    request.on('aborted', () => fail(new TenonError('CALL_CANCELLED')))
    request.pipe(parser)
  })
}

function notAForm(cause: unknown): TenonError {
  return new TenonError('VALIDATION_FAILED', { message: 'The upload is not a valid form.' }, { cause })
}

/** @throws TenonError VALIDATION_FAILED for a form without a boundary */
function createParser(request: Request, fileSize: number): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: { fileSize, files: 1, fields: maxFields, fieldSize: maxFieldBytes, parts: maxParts },
    })
  } catch (error) {
    throw notAForm(error)
  }
}
