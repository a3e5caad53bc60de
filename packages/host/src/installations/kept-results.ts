import { TenonError, isTenonError } from '@tenon/contract'
import type { WorkResult } from '../jobs/jobs.js'
import type { Run } from '../jobs/run.js'
import type { UploadOwner, UploadStore } from '../uploads/index.js'
import { keepJson, readJson } from './kept-json.js'

/** Characters of an answer that lies in the row of its run. */
const maxCharactersInRow = 256 * 1024

/**
 * Keeps what a run answered: in its row, or, when it is large, for a day among the files of the organization, where it
 * makes room for others. It is no failure of the run when there is none: how large it was is kept then.
 *
 * @throws TenonError PLUGIN_RESULT_INVALID
 */
export async function keepResult(
  uploads: Pick<UploadStore, 'begin' | 'release'>,
  owner: UploadOwner,
  data: unknown,
  plugin: string,
): Promise<Pick<WorkResult, 'result' | 'largeResult'>> {
  const text = textOf(data, plugin)
  if (text === undefined) return { result: undefined }
  if (text.length <= maxCharactersInRow) return { result: data }
  const bytes = Buffer.from(text)
  const uploadId = await keepBeside(uploads, owner, bytes).catch(() => null)
  return { result: undefined, largeResult: { bytes: bytes.length, uploadId } }
}

async function keepBeside(
  uploads: Pick<UploadStore, 'begin' | 'release'>,
  owner: UploadOwner,
  bytes: Buffer,
): Promise<string> {
  const { id } = await keepJson(uploads, owner, bytes)
  await uploads.release(owner, id)
  return id
}

function textOf(data: unknown, plugin: string): string | undefined {
  try {
    return JSON.stringify(data) as string | undefined
  } catch (cause) {
    const reason = 'its answer holds something that JSON cannot say'
    throw new TenonError('PLUGIN_RESULT_INVALID', { plugin, reason }, { cause })
  }
}

/** The run with its answer, or without what is no longer kept of it. */
export async function withResult(uploads: Pick<UploadStore, 'read'>, run: Run): Promise<Run> {
  const { largeResult } = run
  if (!largeResult?.uploadId) return run
  try {
    return { ...run, result: await readJson(uploads, run, largeResult.uploadId) }
  } catch (error) {
    if (!isTenonError(error, 'UPLOAD_NOT_FOUND')) throw error
    return { ...run, largeResult: { ...largeResult, uploadId: null } }
  }
}

/** @throws TenonError RUN_ANSWER_NOT_KEPT */
export async function answerOfKept(uploads: Pick<UploadStore, 'read'>, run: Run): Promise<unknown> {
  const { result, largeResult } = await withResult(uploads, run)
  if (largeResult?.uploadId !== null) return result
  throw new TenonError('RUN_ANSWER_NOT_KEPT', { size: `${(largeResult.bytes / 1_000_000).toFixed(1)} MB` })
}
