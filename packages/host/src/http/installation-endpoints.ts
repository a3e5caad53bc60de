import { pluginInstallationSchema, pluginKeySchema, releaseSchema } from '@tenon/contract'
import * as z from 'zod'
import type { PluginService } from '../installations/plugin-service.js'
import { type Answer, created, endpoint, type Endpoint, ok } from './endpoint.js'
import { rowId } from './ids.js'
import { grantedSchema } from './observation-endpoints.js'
import { asksForAsync } from './prefer.js'

const id = z.object({ id: rowId })
const connectionTestSchema = z
  .looseObject({
    success: z.boolean(),
    message: z.string(),
    testedAt: z.string().optional(),
    steps: z.array(z.looseObject({ name: z.string(), ok: z.boolean(), message: z.string().optional() })).optional(),
  })
  .meta({ id: 'ConnectionTest' })

const versionSchema = z.string().max(100)
const askedPermissionSchema = z
  .object({ id: z.string(), group: z.string(), sentence: z.string() })
  .meta({ id: 'AskedPermission' })
const updatePlanSchema = z
  .object({
    from: z.string().nullable(),
    to: z.string(),
    digest: z.string().describe('SHA-256 of the code of that version'),
    declared: z.boolean().describe('False for a version that does not declare what it needs'),
    asks: z.array(askedPermissionSchema).describe('All that it asks for'),
    added: z.array(askedPermissionSchema).describe('What it asks for and did not ask for before'),
    removed: z.array(askedPermissionSchema),
    releases: z.array(releaseSchema).describe('What is new in the versions on the way, the newest first'),
  })
  .meta({ id: 'UpdatePlan' })

const shownSchema = z
  .object({
    version: versionSchema,
    digest: z.string().max(100).optional().describe('SHA-256 of its code, where that is known'),
    permissions: grantedSchema.nullable().describe('Ids of all that it asks for; null when it does not declare that'),
  })
  .optional()
  .describe('What the admin was shown; refused with 409 CONSENT_OUTDATED when it is another one by now')

const accepted = (runId: string): Answer => ({ status: 202, data: { runId } })
/** Most proxies wait no longer. */
const longestWaitMs = 60_000

/** The way of a plugin from its installation to its end. */
export function installationEndpoints(service: PluginService): Endpoint[] {
  const tag = 'Installations'
  return [
    endpoint({
      operation: 'installPlugin',
      method: 'post',
      path: '/install',
      tag,
      summary: 'Install a plugin for your organization',
      role: 'Admin',
      body: z.object({
        pluginKey: z.string({ error: 'pluginKey is required' }).trim().min(1, 'pluginKey is required').max(100),
        permissions: grantedSchema
          .optional()
          .describe('Ids of the permissions that are granted; all that the plugin asks for when absent'),
        shown: shownSchema,
      }),
      success: { status: 201, schema: pluginInstallationSchema },
      errors: [404, 409, 422, 502, 503, 504],
      limited: true,
      mayGoOn: true,
      handle: async ({ body, principal: { userId, tenantId }, request }) => {
        const { pluginKey, permissions: granted, shown } = body
        const waitMs = asksForAsync(request) ? 0 : longestWaitMs
        const begun = await service.startInstall(pluginKey, userId, tenantId, { granted, shown, waitMs })
        return 'installation' in begun ? created(begun.installation) : accepted(begun.runId)
      },
    }),
    endpoint({
      operation: 'getInstalledPlugins',
      method: 'get',
      path: '/installations',
      tag,
      summary: 'List the installed plugins of your organization',
      role: 'Reviewer',
      success: { status: 200, schema: z.array(pluginInstallationSchema) },
      handle: async ({ principal }) => ok(await service.getInstalledPlugins(principal.tenantId)),
    }),
    endpoint({
      operation: 'planPluginUpdate',
      method: 'get',
      path: '/installations/:id/update',
      tag,
      summary: 'Show what an update of a plugin would change',
      role: 'Admin',
      params: id,
      query: z.object({ version: versionSchema.optional() }),
      success: { status: 200, schema: updatePlanSchema },
      errors: [404, 502, 503],
      handle: async ({ params, query, principal }) =>
        ok(await service.planUpdate(params.id, principal.tenantId, query.version)),
    }),
    endpoint({
      operation: 'updatePlugin',
      method: 'post',
      path: '/installations/:id/update',
      tag,
      summary: 'Bring a plugin to its newest version, or to another published one',
      description: 'When anything goes wrong, the version that was there stays. An older version has to be named.',
      role: 'Admin',
      params: id,
      body: z
        .object({
          version: versionSchema.optional(),
          permissions: grantedSchema
            .optional()
            .describe('Ids of the permissions that are granted; needed when it asks for more than before'),
          shown: shownSchema,
        })
        .optional(),
      success: { status: 200, schema: pluginInstallationSchema },
      errors: [404, 409, 422, 502, 503, 504],
      handle: async ({ params, body, principal }) =>
        ok(
          await service.updatePlugin(params.id, principal.userId, principal.tenantId, {
            version: body?.version,
            granted: body?.permissions,
            shown: body?.shown,
          }),
        ),
    }),
    endpoint({
      operation: 'rollBackPlugin',
      method: 'post',
      path: '/installations/:id/rollback',
      tag,
      summary: 'Bring back the version before the last update',
      role: 'Admin',
      params: id,
      success: { status: 200, schema: pluginInstallationSchema },
      errors: [404, 409, 422, 504],
      handle: async ({ params, principal }) =>
        ok(await service.rollBackPlugin(params.id, principal.userId, principal.tenantId)),
    }),
    endpoint({
      operation: 'uninstallPlugin',
      method: 'delete',
      path: '/installations/:id',
      tag,
      summary: 'Uninstall a plugin',
      description: 'With data=keep the tables of the plugin stay, out of reach, for a later installation.',
      role: 'Admin',
      params: id,
      query: z.object({ data: z.enum(['erase', 'keep']).default('erase') }),
      success: { status: 200, schema: z.string() },
      errors: [404, 409],
      handle: async ({ params, query, principal }) => {
        await service.uninstallPlugin(params.id, principal.userId, principal.tenantId, { data: query.data })
        return ok('Plugin uninstalled successfully')
      },
    }),
    endpoint({
      operation: 'updatePluginConfiguration',
      method: 'put',
      path: '/installations/:id/configuration',
      tag,
      summary: 'Save the configuration of a plugin',
      description: 'A secret that is absent, or comes back masked, keeps its value; null removes it.',
      role: 'Admin',
      params: id,
      query: z.object({
        force: z.enum(['true', 'false']).default('false').describe('Save although the connection test fails'),
      }),
      body: z.object({
        configuration: z.record(z.string(), z.unknown(), { error: 'Configuration object is required' }),
        revision: z
          .string()
          .max(100)
          .optional()
          .describe(
            'configurationRevision of what was seen; refused with 409 CONFIGURATION_OUTDATED when it has changed',
          ),
      }),
      success: { status: 200, schema: pluginInstallationSchema },
      errors: [404, 409, 422, 502, 504],
      handle: async ({ params, query, body, principal }) =>
        ok(
          await service.updateConfiguration(params.id, principal.userId, principal.tenantId, body.configuration, {
            force: query.force === 'true',
            revision: body.revision,
          }),
        ),
    }),
    ...[true, false].map((enabled) =>
      endpoint({
        operation: enabled ? 'enablePlugin' : 'disablePlugin',
        method: 'post',
        path: `/installations/:id/${enabled ? 'enable' : 'disable'}`,
        tag,
        summary: enabled ? 'Let a disabled plugin work again' : 'Stop a plugin without removing anything',
        role: 'Admin',
        params: id,
        success: { status: 200, schema: pluginInstallationSchema },
        errors: [404, 409],
        handle: async ({ params, principal }) =>
          ok(await service.setEnabled(params.id, principal.userId, principal.tenantId, enabled)),
      }),
    ),
    endpoint({
      operation: 'testPluginConnection',
      method: 'post',
      path: '/:key/test-connection',
      tag,
      summary: 'Try a configuration without saving it',
      role: 'Admin',
      params: z.object({ key: pluginKeySchema }),
      body: z.object({
        configuration: z.record(z.string(), z.unknown(), { error: 'Configuration object is required' }),
      }),
      success: { status: 200, schema: connectionTestSchema },
      errors: [404, 409],
      handle: async ({ params, body, principal }) =>
        ok(await service.testConnection(params.key, body.configuration, principal)),
    }),
  ]
}
