import {
  maxRequestTextLength,
  pluginKeySchema,
  pluginRequestSchema,
  pluginRequestStates,
  type Principal,
} from '@tenon/contract'
import * as z from 'zod'
import type { PluginRequests } from '../installations/plugin-requests.js'
import type { TenantScope } from '../migrations/index.js'
import { endpoint, type Endpoint, ok } from './endpoint.js'
import { rowId } from './ids.js'

const id = z.object({ id: rowId })
const filter = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
  state: z.enum(pluginRequestStates).optional(),
  pluginKey: pluginKeySchema.optional(),
})
/** Nothing but spaces is nothing. */
const text = z
  .string()
  .trim()
  .max(maxRequestTextLength)
  .transform((written) => written || undefined)
  .optional()

/** People ask the admins of their organization for a plugin, and admins answer. */
export function requestEndpoints(requests: PluginRequests): Endpoint[] {
  const tag = 'Requests'
  return [
    endpoint({
      operation: 'listPluginRequests',
      method: 'get',
      path: '/requests',
      tag,
      summary: 'List what was asked for, the newest first',
      description: 'Admins see all of the organization, everybody else their own. Kept for 90 days after their end.',
      role: 'Reviewer',
      query: filter,
      success: { status: 200, schema: z.object({ items: z.array(pluginRequestSchema), total: z.int() }) },
      handle: async ({ query, principal }) => ok(await requests.list(scopeOf(principal), query, principal)),
    }),
    endpoint({
      operation: 'requestPlugin',
      method: 'post',
      path: '/requests',
      tag,
      summary: 'Ask the admins for a plugin',
      description:
        'While a request of the same person for the plugin is open, that one is the answer, with the new note.',
      role: 'Editor',
      body: z.strictObject({
        pluginKey: z.string({ error: 'pluginKey is required' }).trim().min(1, 'pluginKey is required').max(100),
        note: text.describe('Plain text, for the admins'),
      }),
      success: { status: 200, schema: pluginRequestSchema },
      errors: [404, 409, 422, 429, 503],
      handle: async ({ body, principal }) => ok(await requests.ask(scopeOf(principal), body, principal)),
    }),
    endpoint({
      operation: 'declinePluginRequest',
      method: 'post',
      path: '/requests/:id/decline',
      tag,
      summary: 'Decline a request',
      role: 'Admin',
      params: id,
      body: z.strictObject({ reason: text.describe('Plain text, for whoever asked') }).optional(),
      success: { status: 200, schema: pluginRequestSchema },
      errors: [404, 409],
      handle: async ({ params, body, principal }) =>
        ok(await requests.decline(scopeOf(principal), params.id, body?.reason, principal.userId)),
    }),
    endpoint({
      operation: 'withdrawPluginRequest',
      method: 'delete',
      path: '/requests/:id',
      tag,
      summary: 'Withdraw a request',
      description: 'For whoever asked, also when they are no longer an Editor.',
      role: 'Reviewer',
      params: id,
      success: { status: 200, schema: pluginRequestSchema },
      errors: [404, 409],
      handle: async ({ params, principal }) =>
        ok(await requests.withdraw(scopeOf(principal), params.id, principal.userId)),
    }),
  ]
}

const scopeOf = ({ organizationId, tenantId }: Principal): TenantScope => ({ organizationId, schema: tenantId })
