import * as z from 'zod'
import type { Frames } from '../installations/frames.js'
import { endpoint, type Endpoint } from './endpoint.js'
import { rowId } from './ids.js'

/** The way to a plugin's own UI: the address of its frame, for somebody of the organization. */
export function frameEndpoints(frames: Pick<Frames, 'open'>): Endpoint[] {
  return [
    endpoint({
      operation: 'openPluginFrame',
      method: 'post',
      path: '/installations/:id/frame',
      tag: 'Installations',
      summary: "Get an address for the frame of a plugin's own UI",
      description:
        'The address needs no session, since the frame has none. It is good for this installation and for a minute.',
      role: 'Auditor',
      params: z.object({ id: rowId }),
      success: {
        status: 201,
        schema: z
          .object({
            path: z.string().describe('Below the address of this API'),
            expiresAt: z.iso.datetime(),
          })
          .meta({ id: 'PluginFrame' }),
      },
      errors: [404, 409],
      handle: async ({ params, principal }) => {
        const { token, expiresAt } = await frames.open(principal.tenantId, params.id)
        return { status: 201, data: { path: `/frames/${token}`, expiresAt: expiresAt.toISOString() } }
      },
    }),
  ]
}
