import { runErrorSchema, runSchema, runStates, type Principal } from '@tenon/contract'
import type { Request } from 'express'
import * as z from 'zod'
import type { ActionSchedules } from '../installations/action-schedules.js'
import type { Alerts } from '../installations/alerts.js'
import type { LiveStream } from '../installations/live-stream.js'
import type { Runs } from '../installations/runs.js'
import type { TenantScope } from '../migrations/index.js'
import { endpoint, type Endpoint, ok } from './endpoint.js'
import { rowId } from './ids.js'

const runId = z.object({ id: z.uuid({ error: 'must be the id of a run' }) })
const filter = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
  action: z.string().max(100).optional(),
  state: z.enum(runStates).optional(),
})

const instant = z.iso.datetime({ offset: true })
const schedule = z
  .object({
    action: z.string(),
    title: z.string(),
    cron: z.string().nullable().describe('Five fields; null where nothing is planned'),
    timeZone: z.string(),
    enabled: z.boolean(),
    isCustom: z.boolean().describe('An admin changed it'),
    proposed: z.string().nullable().describe('What the plugin proposes'),
    nextRunAt: instant.nullable(),
    lastRunAt: instant.nullable(),
  })
  .meta({ id: 'Schedule' })
const scheduleOf = z.object({ id: rowId, action: z.string().max(100) })
const alert = z
  .object({
    pluginKey: z.string(),
    plugin: z.string(),
    installationId: z.int(),
    subject: z.union([
      z.object({ kind: z.literal('action'), action: z.string(), title: z.string(), runId: z.uuid() }),
      z.object({ kind: z.literal('connection'), connectionId: z.int(), account: z.string() }),
      z.object({ kind: z.literal('events'), event: z.string().describe('The last one that it did not take') }),
    ]),
    failures: z.int().describe('In a row'),
    error: runErrorSchema,
    lastFailedAt: instant,
  })
  .meta({ id: 'Alert' })

export interface RunEndpoints {
  runs: Omit<Runs, 'call'>
  live: LiveStream
  schedules: Omit<ActionSchedules, 'fitAll'>
  alerts: Pick<Alerts, 'list'>
}

/** Long work: what runs, what ran, and the live stream of an organization. */
export function runEndpoints({ runs, live, schedules, alerts }: RunEndpoints): Endpoint[] {
  const tag = 'Runs'
  return [
    endpoint({
      operation: 'listRuns',
      method: 'get',
      path: '/installations/:id/runs',
      tag,
      summary: 'List the runs of a plugin, the newest first',
      description:
        'Runs are kept for 30 days after their end. What work has answered that asks for another role is left out.',
      role: 'Reviewer',
      params: z.object({ id: rowId }),
      query: filter,
      success: { status: 200, schema: z.object({ items: z.array(runSchema), total: z.int() }) },
      errors: [404],
      handle: async ({ params, query, principal }) =>
        ok(await runs.list(scopeOf(principal), params.id, query, principal.role)),
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
      handle: async ({ params, principal }) => ok(await runs.get(scopeOf(principal), params.id, principal.role)),
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
      summary: 'Start a run again that has ended: do the same once more, as a run of its own',
      description:
        'With the file and the choices that it was started with. Where something was sent, that can be done once, of a run that has failed, as long as files are kept: asked again, the answer is the run that was made of it.',
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
      operation: 'listSchedules',
      method: 'get',
      path: '/installations/:id/schedules',
      tag,
      summary: 'List when the actions of a plugin run by themselves',
      role: 'Reviewer',
      params: z.object({ id: rowId }),
      success: { status: 200, schema: z.array(schedule) },
      errors: [404],
      handle: async ({ params, principal }) => ok(await schedules.list(scopeOf(principal), params.id)),
    }),
    endpoint({
      operation: 'setSchedule',
      method: 'put',
      path: '/installations/:id/schedules/:action',
      tag,
      summary: 'Choose when an action of a plugin runs by itself',
      role: 'Admin',
      params: scheduleOf,
      body: z.object({
        cron: z.string().trim().max(100).describe('Minute, hour, day of month, month, day of week'),
        timeZone: z.string().max(100).default('UTC'),
        enabled: z.boolean().default(true),
      }),
      success: { status: 200, schema: schedule },
      errors: [404],
      handle: async ({ params: { id, action }, body, principal }) =>
        ok(await schedules.set(scopeOf(principal), id, { action, ...body, userId: principal.userId })),
    }),
    endpoint({
      operation: 'resetSchedule',
      method: 'delete',
      path: '/installations/:id/schedules/:action',
      tag,
      summary: 'Go back to the times that the plugin proposes',
      role: 'Admin',
      params: scheduleOf,
      success: { status: 200, schema: schedule },
      errors: [404],
      handle: async ({ params: { id, action }, principal }) =>
        ok(await schedules.reset(scopeOf(principal), id, action, principal.userId)),
    }),
    endpoint({
      operation: 'listAlerts',
      method: 'get',
      path: '/alerts',
      tag,
      summary:
        'List what goes on failing: actions and events three times in a row, and connections that have to be renewed',
      role: 'Reviewer',
      success: { status: 200, schema: z.array(alert) },
      handle: async ({ principal }) => ok(await alerts.list(scopeOf(principal))),
    }),
    endpoint({
      operation: 'followEvents',
      method: 'get',
      path: '/events',
      tag,
      summary: 'Follow the runs, installations and requests of your organization as they change',
      description:
        'Server-sent events: `run` with a run, `installations` with all of them, `requests` when one was made or has ended. With the header Last-Event-ID it begins with what changed since.',
      role: 'Reviewer',
      success: { status: 200, contentType: 'text/event-stream' },
      errors: [429],
      handle: async ({ principal, request, signal }) => ({
        status: 200,
        events: live.open(scopeOf(principal), { afterId: lastEventId(request), role: principal.role }, signal),
      }),
    }),
  ]
}

const scopeOf = ({ organizationId, tenantId }: Principal): TenantScope => ({ organizationId, schema: tenantId })

function lastEventId(request: Request): number | undefined {
  const id = Number(request.get('last-event-id') || Number.NaN)
  return Number.isSafeInteger(id) && id > 0 && id < 8_640_000_000_000_000 ? id : undefined
}
