import { TenonError } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'
import busboy from 'busboy'
import type { Request } from 'express'
import type { IncomingUpload } from '../uploads/index.js'
import type { RequestLimits } from './request-limits.js'

/** What a form may bring. */
export type FormLimits = Pick<RequestLimits, 'maxFormFields' | 'maxFormFieldBytes'> & { maxFileBytes: number }

/** What a form carries beside the bytes of its file. */
export interface Form {
  fields: Record<string, string>
  file?: RouteFile
}

/** What an upload will take at most, by what its sender says. @throws TenonError BODY_TOO_LARGE */
export function announcedBytes(request: Request, limits: FormLimits): number {
  const { maxFileBytes, maxFormFields, maxFormFieldBytes } = limits
  const announced = Number(request.headers['content-length'] ?? maxFileBytes)
  if (announced > maxFileBytes + maxFormFields * maxFormFieldBytes) throw tooLarge(maxFileBytes)
  return Math.min(announced, maxFileBytes)
}

/**
 * Reads a multipart body with at most one file, whose bytes go where `upload` stores them, no faster than that can. Of
 * fields with the same name the last counts.
 *
 * @throws TenonError BODY_TOO_LARGE, VALIDATION_FAILED, CALL_CANCELLED
 */
export function readForm(request: Request, upload: IncomingUpload, limits: FormLimits): Promise<Form> {
  return new Promise((resolve, reject) => {
    const parser = createParser(request, limits)
    // A Map: names are the sender's, also `__proto__`.
    const fields = new Map<string, string>()
    let file: Promise<RouteFile> | undefined
    const fail = (error: unknown): void => {
      request.unpipe(parser)
      request.resume()
      reject(error instanceof TenonError ? error : notAForm(error))
    }
    parser.on('field', (name, value, { nameTruncated, valueTruncated }) => {
      if (nameTruncated || valueTruncated) fail(fieldTooLarge(limits))
      else fields.set(name, value)
    })
    parser.on('file', (_name, stream, { filename, mimeType }) => {
      stream.on('limit', () => fail(tooLarge(limits.maxFileBytes)))
      file = store(stream, upload).then((size) => ({
        // A part may come without a name for its file.
        originalname: String(filename ?? ''),
        mimetype: mimeType,
        size,
        uploadId: upload.id,
      }))
      file.catch(fail)
    })
    for (const limit of ['fieldsLimit', 'partsLimit'] as const) parser.on(limit, () => fail(notAForm(limit)))
    parser.on('error', fail)
    parser.on('close', () => {
      Promise.resolve(file).then(
        (stored) => resolve({ fields: Object.fromEntries(fields), ...(stored ? { file: stored } : {}) }),
        fail,
      )
    })
    request.on('aborted', () => fail(new TenonError('CALL_CANCELLED')))
    request.pipe(parser)
  })
}

function tooLarge(maxFileBytes: number): TenonError {
  return new TenonError('BODY_TOO_LARGE', { limit: `${maxFileBytes / 1_000_000} MB` })
}

function fieldTooLarge({ maxFormFieldBytes }: FormLimits): TenonError {
  const message = `A field of the form has more than ${maxFormFieldBytes.toLocaleString('en')} bytes.`
  return new TenonError('VALIDATION_FAILED', { message })
}

async function store(stream: AsyncIterable<Buffer>, upload: IncomingUpload): Promise<number> {
  for await (const bytes of stream) await upload.write(bytes)
  return upload.end()
}

function notAForm(cause: unknown): TenonError {
  const endedEarly = cause instanceof Error && cause.message.startsWith('Unexpected end of form')
  const message = endedEarly
    ? 'The upload ended before the file was complete, and nothing of it was kept. Send the file again.'
    : 'The upload is not a valid form.'
  return new TenonError('VALIDATION_FAILED', { message }, { cause })
}

/** @throws TenonError VALIDATION_FAILED for a form without a boundary */
function createParser(request: Request, { maxFileBytes, maxFormFields, maxFormFieldBytes }: FormLimits): busboy.Busboy {
  try {
    return busboy({
      headers: request.headers,
      defParamCharset: 'utf8',
      limits: {
        // The parser takes a file, or a field, of exactly the limit for one that is larger.
        fileSize: maxFileBytes + 1,
        fieldSize: maxFormFieldBytes + 1,
        files: 1,
        fields: maxFormFields,
        // The fields, the file, and the end of the form.
        parts: maxFormFields + 2,
      },
    })
  } catch (error) {
    throw notAForm(error)
  }
}
