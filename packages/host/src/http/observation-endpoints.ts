import * as z from 'zod'
import type { Observations } from '../installations/observations.js'
import { endpoint, type Endpoint } from './endpoint.js'
import { rowId } from './ids.js'

const id = z.object({ id: rowId })
const instant = z.iso.datetime({ offset: true })
const page = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
})
const level = z.enum(['debug', 'info', 'warn', 'error'])
const lineFilter = z.object({
  level: level.optional().describe('Lines of this level and above'),
  text: z.string().max(200).optional().describe('Lines with this text in them, whatever the case'),
  since: instant.optional().describe('Lines from then on'),
})
const line = z
  .object({ id: z.int(), at: instant, level, text: z.string() })
  .meta({ id: 'LogLine', description: 'What a plugin printed; its secrets are hidden' })
const activity = z
  .object({
    id: z.int(),
    at: instant,
    pluginKey: z.string(),
    userId: z.int().nullable().describe('Null: the platform, for example after a crash'),
    action: z.string(),
    outcome: z.string(),
    before: z.record(z.string(), z.unknown()).nullable(),
    after: z.record(z.string(), z.unknown()).nullable().describe('Secrets are masked'),
    message: z.string().nullable(),
  })
  .meta({ id: 'PluginActivity' })
const figures = z.object({
  calls: z.int(),
  errors: z.int(),
  meanMs: z.number().nullable(),
  p95Ms: z.number().nullable().describe('Nineteen of twenty calls took at most as long'),
})
const table = z
  .object({
    name: z.string(),
    rows: z.number().describe('As last counted by the database'),
  })
  .meta({ id: 'PluginTable' })
const processEnd = z
  .object({
    at: instant,
    crashed: z.boolean(),
    reason: z
      .string()
      .nullable()
      .describe(
        'crash, memory, violation and unresponsive are crashes; start, idle, recycled, deadline, changed, stopped and host-stop are not',
      ),
    cause: z.string().describe('One line for a person'),
    digest: z.string(),
    exitCode: z.int().nullable(),
    signal: z.string().nullable(),
  })
  .meta({ id: 'PluginProcessEnd' })
const health = z
  .object({
    state: z.enum([
      'blocked',
      'changing',
      'failed',
      'disabled',
      'crash_loop',
      'unresponsive',
      'failing',
      'running',
      'idle',
    ]),
    summary: z.string().describe('The state in words'),
    since: instant.nullable(),
    next: z.string().nullable().describe('The one thing to do'),
    calls: figures.describe('Of the last 24 hours'),
    hours: z.array(figures.extend({ at: instant })).describe('The same, hour by hour, the oldest first'),
    crashes: z.array(processEnd).describe('The last ones, the newest first, on every server'),
    ends: z.array(processEnd).describe('The last ends of its processes, crashes or not, in the same order'),
    restarts: z.int(),
    restartAfter: instant.nullable(),
    budgets: z
      .array(
        z.object({
          name: z.string().describe('In words, and the same at each look'),
          used: z.number(),
          limit: z.number().nullable(),
          unit: z.string(),
        }),
      )
      .describe(
        'What it uses of its limits. Calls, memory, open connections and the database: on the server that answers. The ' +
          'network within its window, lines of its log, and runs and files of the whole organization: on all servers.',
      ),
    processes: z.array(
      z.object({ lane: z.string(), startedAt: instant, memoryBytes: z.number(), callsInFlight: z.int() }),
    ),
  })
  .meta({ id: 'PluginHealth' })
const permissions = z
  .object({
    declared: z.boolean().describe('False: the plugin declares nothing, and there is nothing to choose from'),
    permissions: z.array(
      z.object({
        id: z.string(),
        group: z.enum(['read', 'change', 'outside', 'events', 'schedule']),
        sentence: z.string(),
        granted: z.boolean(),
        uses: z.int(),
        lastUsedAt: instant.nullable(),
        refusals: z.int(),
        lastRefusedAt: instant.nullable(),
      }),
    ),
    refused: z
      .array(z.object({ permission: z.string(), refusals: z.int(), lastRefusedAt: instant.nullable() }))
      .describe('What it tried without asking for it'),
  })
  .meta({ id: 'PluginPermissions' })

/** Ids of the permissions that are granted. */
export const grantedSchema = z.array(z.string().max(300)).max(1_000)

/** What an admin sees of one installed plugin, and what it may. */
export function observationEndpoints(observations: Observations): Endpoint[] {
  const tag = 'Installations'
  return [
    endpoint({
      operation: 'getPluginLogs',
      method: 'get',
      path: '/installations/:id/logs',
      tag,
      summary: 'Read what a plugin printed, the newest first',
      description:
        'The last 10,000 lines, for seven days. To read on backwards, ask for those `before` the oldest line.',
      role: 'Editor',
      params: id,
      query: page.extend(lineFilter.shape).extend({
        pageSize: z.coerce.number().int().min(1).max(1_000).default(50),
        before: z.coerce.number().int().min(1).optional().describe('Lines before the one with this id'),
      }),
      success: { status: 200, schema: z.object({ items: z.array(line), total: z.int() }) },
      errors: [404],
      handle: async ({ params, query: { since, before: beforeId, ...filter }, principal }) => ({
        status: 200,
        data: await observations.logs(principal.tenantId, params.id, {
          ...filter,
          beforeId,
          ...(since === undefined ? {} : { since: new Date(since) }),
        }),
      }),
    }),
    endpoint({
      operation: 'followPluginLogs',
      method: 'get',
      path: '/installations/:id/logs/stream',
      tag,
      summary: 'Follow what a plugin prints, as server-sent events',
      description:
        'Each event is one line, its id goes into Last-Event-ID to go on after it. Ends after fifteen minutes; connect again.',
      role: 'Editor',
      params: id,
      query: lineFilter.extend({
        after: z.coerce.number().int().min(0).optional().describe('Begin after the line with this id'),
      }),
      success: { status: 200, contentType: 'text/event-stream' },
      errors: [404, 429],
      handle: async ({ params, query: { since, after, ...filter }, principal, request, signal }) => {
        const lastSeen = Number(request.headers['last-event-id'])
        const lines = await observations.tail(
          principal.tenantId,
          params.id,
          {
            ...filter,
            ...(since === undefined ? {} : { since: new Date(since) }),
            afterId: Number.isSafeInteger(lastSeen) && lastSeen > 0 ? lastSeen : after,
          },
          signal,
        )
        return { status: 200, events: toEvents(lines) }
      },
    }),
    endpoint({
      operation: 'getPluginActivity',
      method: 'get',
      path: '/installations/:id/activity',
      tag,
      summary: 'Read what was done to a plugin, and by whom',
      role: 'Reviewer',
      params: id,
      query: page,
      success: { status: 200, schema: z.object({ items: z.array(activity), total: z.int() }) },
      errors: [404],
      handle: async ({ params, query, principal }) => ({
        status: 200,
        data: await observations.activity(principal.tenantId, params.id, query),
      }),
    }),
    endpoint({
      operation: 'getActivity',
      method: 'get',
      path: '/activity',
      tag,
      summary: 'Read what was done to the plugins of the organization, and by whom',
      description: 'Plugins that were removed are included. The newest first.',
      role: 'Reviewer',
      query: page,
      success: { status: 200, schema: z.object({ items: z.array(activity), total: z.int() }) },
      handle: async ({ query, principal }) => ({
        status: 200,
        data: await observations.activityOfAll(principal.tenantId, query),
      }),
    }),
    endpoint({
      operation: 'getPluginHealth',
      method: 'get',
      path: '/installations/:id/health',
      tag,
      summary: 'See how a plugin is: state, crashes, calls, budgets, and the one thing to do',
      role: 'Reviewer',
      params: id,
      success: { status: 200, schema: health },
      errors: [404],
      handle: async ({ params, principal }) => ({
        status: 200,
        data: await observations.health(principal.tenantId, params.id),
      }),
    }),
    endpoint({
      operation: 'getPluginTables',
      method: 'get',
      path: '/installations/:id/tables',
      tag,
      summary: 'See which tables go when the data of a plugin is erased',
      description: 'As the database last counted them: nothing that the plugin has made is run.',
      role: 'Admin',
      params: id,
      success: { status: 200, schema: z.array(table) },
      errors: [404],
      handle: async ({ params, principal }) => ({
        status: 200,
        data: await observations.tables(principal.tenantId, params.id),
      }),
    }),
    endpoint({
      operation: 'getPluginPermissions',
      method: 'get',
      path: '/installations/:id/permissions',
      tag,
      summary: 'See what a plugin asks for, what it was granted, and how often it used it',
      role: 'Reviewer',
      params: id,
      success: { status: 200, schema: permissions },
      errors: [404],
      handle: async ({ params, principal }) => ({
        status: 200,
        data: await observations.permissions(principal.tenantId, params.id),
      }),
    }),
    endpoint({
      operation: 'grantPluginPermissions',
      method: 'put',
      path: '/installations/:id/permissions',
      tag,
      summary: 'Grant a plugin exactly these of the permissions that it asks for',
      role: 'Admin',
      params: id,
      body: z.object({ permissions: grantedSchema }),
      success: { status: 200, schema: permissions },
      errors: [404, 409],
      handle: async ({ params, body, principal }) => ({
        status: 200,
        data: await observations.grant(principal.tenantId, params.id, principal.userId, body.permissions),
      }),
    }),
  ]
}

async function* toEvents(lines: AsyncIterable<{ id: number }[]>) {
  for await (const batch of lines) yield batch.map((one) => ({ id: one.id, event: 'line', data: one }))
}
