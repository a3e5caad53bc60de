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
 * Keeps what a request sent for a run where any server finds it, as long as the run has not ended. What is large lies
 * beside the row of the run, like a file; so does what was sent to an import, which is not to be kept as long as the row.
 */
export interface RequestedRuns {
  /** @throws TenonError RUN_LIMIT, UPLOADS_FULL */
  enqueue(run: NewRun, request: RouteRequest): Promise<Run>
}

interface RequestedRunsOptions {
  pool: Pool
  jobs: Pick<Jobs, 'enqueue'>
  uploads: Pick<UploadStore, 'begin' | 'hold'>
}

/** Bytes of a body that is kept in the row. */
const maxBytesInRow = 64 * 1024

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
      const bytes = Buffer.from(JSON.stringify(said))
      if (isEmpty(said) || (run.kind !== 'import' && bytes.length <= maxBytesInRow))
        return enqueueHolding({ ...run, input: { ...input, ...said } }, files)
      const { id, abandon } = await keepJson(uploads, run, bytes)
      try {
        return await enqueueHolding({ ...run, input: { ...input, sentId: id } }, [...files, { id, isBody: true }])
      } catch (error) {
        await abandon()
        throw error
      }
    },
  }
}

/** What lies beside the row. @throws TenonError UPLOAD_NOT_FOUND */
export async function readSaid(uploads: Pick<UploadStore, 'read'>, owner: UploadOwner, sentId: string): Promise<Said> {
  return (await readJson(uploads, owner, sentId)) as Said
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
