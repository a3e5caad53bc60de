import { TenonError, isTenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { Jobs } from '../jobs/jobs.js'
import type { NewRun, Run } from '../jobs/run.js'
import { inTransaction } from '../migrations/index.js'
import type { UploadOwner, UploadStore } from '../uploads/index.js'
import { keepJson, readJson } from './kept-json.js'
import type { RouteRequest } from './route-request.js'

/** What a request said besides its address and its file. */
type Said = Pick<RouteRequest, 'query' | 'body'>

/**
 * Keeps what a request sent for a run where any server finds it, as long as the run has not ended; where it has failed, it
 * can be started again with that, as long as files are kept. It lies beside the row of the run, like a file: rows are kept
 * for a month, and a form may hold a password.
 */
export interface RequestedRuns {
  /** @throws TenonError RUN_LIMIT, UPLOADS_FULL */
  enqueue(run: NewRun, request: RouteRequest): Promise<Run>
  /**
   * The work of a run that has ended once more, with what was sent for it. Where something was, that is done once: who
   * asks again gets the run that was made of it.
   * @throws TenonError RUN_LIMIT, RUN_NOT_REPEATABLE
   */
  enqueueAgain(ended: Run, run: NewRun): Promise<Run>
}

interface RequestedRunsOptions {
  pool: Pool
  jobs: Pick<Jobs, 'enqueue' | 'startedAgain'>
  uploads: Pick<UploadStore, 'begin' | 'hold' | 'holdAgain'>
}

export function createRequestedRuns({ pool, jobs, uploads }: RequestedRunsOptions): RequestedRuns {
  async function enqueueHolding(run: NewRun, held: { id: string; isBody: boolean }[]): Promise<Run> {
    return inTransaction(pool, async (client) => {
      const added = await jobs.enqueue(run, client)
      for (const { id, isBody } of held) await uploads.hold(client, id, { runId: added.id, isBody })
      return added
    })
  }

  return {
    async enqueue(run, { method, path, query, body, file }) {
      const said: Said = { ...(isEmpty(query) ? {} : { query }), ...(isEmpty(body) ? {} : { body }) }
      const input = { method, path, ...(file ? { file } : {}) }
      const files = file?.uploadId === undefined ? [] : [{ id: file.uploadId, isBody: false }]
      if (isEmpty(said)) return enqueueHolding({ ...run, input }, files)
      const bytes = Buffer.from(JSON.stringify(said))
      const { id, abandon } = await keepJson(uploads, run, bytes)
      try {
        return await enqueueHolding({ ...run, input: { ...input, sentId: id } }, [...files, { id, isBody: true }])
      } catch (error) {
        await abandon()
        throw error
      }
    },

    async enqueueAgain(ended, run) {
      const { file, sentId } = ended.input ?? {}
      if (run.kind !== 'import' && !file && sentId === undefined) return jobs.enqueue(run)
      const left = [
        ...(file?.uploadId === undefined ? [] : [{ id: file.uploadId, isBody: false }]),
        ...(sentId === undefined ? [] : [{ id: sentId, isBody: true }]),
      ]
      return inTransaction(pool, async (client) => {
        const begun = await jobs.startedAgain(client, ended.id)
        if (begun) return begun
        if (ended.state !== 'failed') throw new TenonError('RUN_NOT_REPEATABLE')
        const added = await jobs.enqueue({ ...run, startsAgain: ended }, client)
        for (const { id, isBody } of left) {
          await uploads.holdAgain(client, ended, id, { runId: added.id, isBody }).catch((cause: unknown) => {
            throw isTenonError(cause) ? new TenonError('RUN_NOT_REPEATABLE', {}, { cause }) : cause
          })
        }
        return added
      })
    },
  }
}

/** What lies beside the row. @throws TenonError UPLOAD_NOT_FOUND */
export async function readSaid(uploads: Pick<UploadStore, 'read'>, owner: UploadOwner, sentId: string): Promise<Said> {
  return (await readJson(uploads, owner, sentId)) as Said
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
