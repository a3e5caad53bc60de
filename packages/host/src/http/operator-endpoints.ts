import { digestSchema, pluginKeySchema } from '@tenon/contract'
import * as z from 'zod'
import type { OperatorActs } from '../operator/operator-acts.js'
import { endpoint, type Endpoint } from './endpoint.js'
import { rowId } from './ids.js'

const block = z
  .object({
    id: z.int(),
    pluginKey: z.string().nullable(),
    digest: z.string().nullable(),
    reason: z.string(),
    blockedBy: z.int(),
    blockedAt: z.iso.datetime({ offset: true }),
  })
  .meta({ id: 'Block', description: 'What cannot be installed or called in any organization' })

/** What the people do who run this installation, beyond one organization. */
export function operatorEndpoints(operator: OperatorActs): Endpoint[] {
  const tag = 'Operator'
  return [
    endpoint({
      operation: 'getBlocks',
      method: 'get',
      path: '/blocks',
      tag,
      summary: 'List what is blocked',
      role: 'Reviewer',
      operator: true,
      success: { status: 200, schema: z.array(block) },
      handle: async () => ({ status: 200, data: await operator.blocks() }),
    }),
    endpoint({
      operation: 'addBlock',
      method: 'post',
      path: '/blocks',
      tag,
      summary: 'Block a plugin, or exact code, in every organization',
      description: 'What runs of it is stopped on every server.',
      role: 'Reviewer',
      operator: true,
      body: z
        .object({
          pluginKey: pluginKeySchema.optional(),
          digest: digestSchema.optional(),
          reason: z.string().trim().min(1, 'reason is required').max(500).describe('Shown to everybody who meets it'),
        })
        .refine(({ pluginKey, digest }) => (pluginKey === undefined) !== (digest === undefined), {
          error: 'Name either a pluginKey or a digest',
        }),
      success: { status: 201, schema: block },
      handle: async ({ body: { pluginKey, digest = '', reason }, principal }) => ({
        status: 201,
        data: await operator.block(pluginKey === undefined ? { digest } : { pluginKey }, reason, principal.userId),
      }),
    }),
    endpoint({
      operation: 'removeBlock',
      method: 'delete',
      path: '/blocks/:id',
      tag,
      summary: 'Lift a block',
      role: 'Reviewer',
      operator: true,
      params: z.object({ id: rowId }),
      success: { status: 200, schema: block },
      errors: [404],
      handle: async ({ params, principal }) => ({
        status: 200,
        data: await operator.unblock(params.id, principal.userId),
      }),
    }),
  ]
}
