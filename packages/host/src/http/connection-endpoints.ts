import { pluginKeySchema } from '@tenon/contract'
import * as z from 'zod'
import type { PluginService } from '../installations/plugin-service.js'
import { created, endpoint, type Endpoint, ok } from './endpoint.js'
import { rowId } from './ids.js'

const key = z.object({ key: pluginKeySchema })
const workspace = key.extend({ webhookId: rowId })
const workspaceSchema = z
  .looseObject({
    id: z.int(),
    is_active: z.boolean(),
    created_at: z.string(),
    connected_by: z.int(),
    account_name: z.string().optional().describe('How the service calls the account'),
    needs_reauth: z.boolean().optional().describe('The service no longer accepts the sign-in'),
    needs_reauth_since: z.string().optional(),
    problem: z.string().optional().describe('What the plugin says is wrong with it'),
    problem_since: z.string().optional(),
  })
  .meta({
    id: 'Workspace',
    description: 'A connected account; what else it carries is said by the manifest of the plugin',
  })

/** Accounts at other services. */
export function connectionEndpoints(service: PluginService): Endpoint[] {
  const tag = 'Connections'
  return [
    endpoint({
      operation: 'startOAuth',
      method: 'post',
      path: '/:key/oauth/start',
      tag,
      summary: 'Begin to connect an account at another service',
      role: 'Admin',
      params: key,
      body: z
        .object({
          connection: z.string().max(100).optional().describe('Id of the declared kind of connection'),
          reconnect: rowId.optional().describe('Id of a connection whose account signs in again'),
        })
        .optional(),
      success: { status: 200, schema: z.object({ authorizeUrl: z.string() }) },
      errors: [404, 422],
      handle: async ({ params, body, principal }) =>
        ok(
          await service.startOAuth(
            params.key,
            principal.userId,
            principal.tenantId,
            principal.sessionId,
            body?.connection,
            body?.reconnect,
          ),
        ),
    }),
    endpoint({
      operation: 'connectOAuthWorkspace',
      method: 'post',
      path: '/:key/oauth/connect',
      tag,
      summary: 'Finish connecting with the code that the service sent back',
      role: 'Admin',
      params: key,
      body: z.object({
        code: z.string({ error: 'OAuth code is required' }).min(1, 'OAuth code is required').max(2_000),
        state: z
          .string({ error: 'OAuth state is required' })
          .min(1, 'OAuth state is required')
          .max(200)
          .regex(/^[\x20-\x7e]*$/),
      }),
      success: { status: 201, schema: workspaceSchema },
      errors: [404, 422, 502],
      handle: async ({ params, body, principal }) =>
        created(
          await service.connectOAuthWorkspace(params.key, body.code, principal.userId, principal.tenantId, {
            state: body.state,
            sessionId: principal.sessionId,
          }),
        ),
    }),
    endpoint({
      operation: 'getOAuthWorkspaces',
      method: 'get',
      path: '/:key/oauth/workspaces',
      tag,
      summary: 'List the connected accounts',
      role: 'Reviewer',
      params: key,
      success: { status: 200, schema: z.array(workspaceSchema) },
      handle: async ({ params, principal }) =>
        ok(await service.getOAuthWorkspaces(params.key, principal.userId, principal.tenantId)),
    }),
    endpoint({
      operation: 'updateOAuthWorkspace',
      method: 'patch',
      path: '/:key/oauth/workspaces/:webhookId',
      tag,
      summary: 'Change the settings of a connected account, or switch it on and off',
      role: 'Admin',
      params: workspace,
      body: z.record(z.string(), z.unknown()),
      success: { status: 200, schema: workspaceSchema },
      errors: [404, 422],
      handle: async ({ params, body, principal }) =>
        ok(
          await service.updateOAuthWorkspace(params.key, params.webhookId, principal.userId, principal.tenantId, body),
        ),
    }),
    endpoint({
      operation: 'disconnectOAuthWorkspace',
      method: 'delete',
      path: '/:key/oauth/workspaces/:webhookId',
      tag,
      summary: 'Disconnect an account',
      role: 'Admin',
      params: workspace,
      success: { status: 200, schema: z.string() },
      errors: [404],
      handle: async ({ params, principal }) => {
        await service.disconnectOAuthWorkspace(params.key, params.webhookId, principal.userId, principal.tenantId)
        return ok('Workspace disconnected successfully')
      },
    }),
  ]
}
