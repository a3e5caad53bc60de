import { runSchema, runStates, type Principal } from '@tenon/contract'
import type { Request } from 'express'
import * as z from 'zod'
import type { LiveStream } from '../installations/live-stream.js'
import type { Runs } from '../installations/runs.js'
import type { TenantScope } from '../migrations/index.js'
import { endpoint, type Endpoint } from './endpoint.js'
import { rowId } from './ids.js'

const runId = z.object({ id: z.uuid({ error: 'must be the id of a run' }) })
const filter = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
  action: z.string().max(100).optional(),
  state: z.enum(runStates).optional(),
})

export interface RunEndpoints {
  runs: Omit<Runs, 'call'>
  live: LiveStream
}

/** Long work: what runs, what ran, and the live stream of an organization. */
export function runEndpoints({ runs, live }: RunEndpoints): Endpoint[] {
  const tag = 'Runs'
  const ok = (data: unknown) => ({ status: 200, data })
  return [
    endpoint({
      operation: 'listRuns',
      method: 'get',
      path: '/installations/:id/runs',
      tag,
      summary: 'List the runs of a plugin, the newest first',
      description: 'Runs are kept for 30 days after their end.',
      role: 'Reviewer',
      params: z.object({ id: rowId }),
      query: filter,
      success: { status: 200, schema: z.object({ items: z.array(runSchema), total: z.int() }) },
      errors: [404],
      handle: async ({ params, query, principal }) => ok(await runs.list(scopeOf(principal), params.id, query)),
    }),
    endpoint({
      operation: 'getRun',
      method: 'get',
      path: '/runs/:id',
      tag,
      summary: 'Show a run',
      role: 'Reviewer',
      params: runId,
      success: { status: 200, schema: runSchema },
      errors: [404],
      handle: async ({ params, principal }) => ok(await runs.get(scopeOf(principal), params.id)),
    }),
    endpoint({
      operation: 'cancelRun',
      method: 'post',
      path: '/runs/:id/cancel',
      tag,
      summary: 'Stop a run',
      description: 'One that waits ends at once; one that works is told to stop and has two seconds to tidy up.',
      role: 'Editor',
      params: runId,
      success: { status: 200, schema: runSchema },
      errors: [404, 409],
      handle: async ({ params, principal }) => ok(await runs.cancel(scopeOf(principal), params.id, principal.role)),
    }),
    endpoint({
      operation: 'retryRun',
      method: 'post',
      path: '/runs/:id/retry',
      tag,
      summary: 'Do the same once more, as a run of its own',
      role: 'Editor',
      params: runId,
      success: { status: 202, schema: runSchema },
      errors: [404, 409, 429],
      handle: async ({ params, principal }) => ({
        status: 202,
        data: await runs.retry(scopeOf(principal), params.id, principal),
      }),
    }),
    endpoint({
      operation: 'followEvents',
      method: 'get',
      path: '/events',
      tag,
      summary: 'Follow the runs and installations of your organization as they change',
      description:
        'Server-sent events: `run` with a run, `installations` with all of them. With the header Last-Event-ID it begins with what changed since.',
      role: 'Reviewer',
      success: { status: 200, contentType: 'text/event-stream' },
      errors: [429],
      handle: async ({ principal, request, signal }) => ({
        status: 200,
        events: live.open(scopeOf(principal), { afterId: lastEventId(request) }, signal),
      }),
    }),
  ]
}

const scopeOf = ({ organizationId, tenantId }: Principal): TenantScope => ({ organizationId, schema: tenantId })

function lastEventId(request: Request): number | undefined {
  const id = Number(request.get('last-event-id') || Number.NaN)
  return Number.isSafeInteger(id) && id > 0 && id < 8_640_000_000_000_000 ? id : undefined
}
