import {
  TenonError,
  pluginCategorySchema,
  pluginInstallationSchema,
  pluginKeySchema,
  pluginSchema,
  releaseSchema,
} from '@tenon/contract'
import type { Request } from 'express'
import * as z from 'zod'
import type { RouteAnswer } from '../runtime/index.js'
import type { RouteRequest } from '../installations/route-request.js'
import type { Observations } from '../installations/observations.js'
import type { EventActs } from '../installations/event-acts.js'
import type { PluginService } from '../installations/plugin-service.js'
import type { OperatorActs } from '../operator/operator-acts.js'
import type { UploadStore } from '../uploads/index.js'
import { endpoint, type Answer, type Call, type Endpoint } from './endpoint.js'
import { rowId } from './ids.js'
import { grantedSchema, observationEndpoints } from './observation-endpoints.js'
import { operatorEndpoints } from './operator-endpoints.js'
import { PluginAnsweredError } from '../installations/plugin-answered-error.js'
import { announcedBytes, type FormLimits, readForm } from './upload.js'
import type { Frames } from '../installations/frames.js'
import { frameEndpoints } from './frame-endpoints.js'
import { eventEndpoints } from './event-endpoints.js'
import type { PluginRequests } from '../installations/plugin-requests.js'
import { requestEndpoints } from './request-endpoints.js'
import { runEndpoints, type RunEndpoints } from './run-endpoints.js'

const key = z.object({ key: pluginKeySchema })
const id = z.object({ id: rowId })
const workspace = key.extend({ webhookId: rowId })
const jsonObject = z.record(z.string(), z.unknown())
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

const ok = (data: unknown): Answer => ({ status: 200, data })
const created = (data: unknown): Answer => ({ status: 201, data })
const accepted = (runId: string): Answer => ({ status: 202, data: { runId } })
/** Most proxies wait no longer. */
const longestWaitMs = 60_000
/** RFC 7240 */
const asksForAsync = (request: Request): boolean => /(^|,)\s*respond-async\s*(;|,|$)/i.test(request.get('prefer') ?? '')

/** S65 to S81, literals before parameters (C1). What follows them below `/:key` belongs to the plugins. */
export function createEndpoints({
  service,
  observations,
  operator,
  longWork,
  eventActs,
  requests,
  uploads,
  frames,
}: {
  service: PluginService
  observations: Observations
  operator: OperatorActs
  longWork: RunEndpoints
  eventActs: EventActs
  requests: PluginRequests
  uploads: Uploads
  frames: Pick<Frames, 'open'>
}): Endpoint[] {
  return [
    ...marketplaceEndpoints(service),
    ...operatorEndpoints(operator),
    ...runEndpoints(longWork),
    ...eventEndpoints(eventActs),
    ...requestEndpoints(requests),
    ...frameEndpoints(frames),
    ...installationEndpoints(service),
    ...observationEndpoints(observations),
    ...connectionEndpoints(service),
    ...pluginEndpoints(service, uploads),
  ]
}

function marketplaceEndpoints(service: PluginService): Endpoint[] {
  const tag = 'Marketplace'
  return [
    endpoint({
      operation: 'getAllPlugins',
      method: 'get',
      path: '/marketplace',
      tag,
      summary: 'List the plugins of the marketplace',
      role: 'Reviewer',
      query: z.object({ category: z.string().max(100).optional().describe('Only plugins of this category') }),
      success: { status: 200, schema: z.array(pluginSchema) },
      errors: [503],
      handle: async ({ query }) => ok(service.getAllPlugins(query.category)),
    }),
    endpoint({
      operation: 'searchPlugins',
      method: 'get',
      path: '/marketplace/search',
      tag,
      summary: 'Search plugins by name, tags and description',
      role: 'Reviewer',
      query: z.object({
        q: z
          .string({ error: "Query parameter 'q' is required" })
          .trim()
          .min(1, "Query parameter 'q' is required")
          .max(200),
      }),
      success: { status: 200, schema: z.array(pluginSchema) },
      errors: [503],
      handle: async ({ query }) => ok(service.searchPlugins(query.q)),
    }),
    endpoint({
      operation: 'getPluginByKey',
      method: 'get',
      path: '/marketplace/:key',
      tag,
      summary: 'Show one plugin',
      role: 'Reviewer',
      params: z.object({ key: z.string().max(100) }),
      success: { status: 200, schema: pluginSchema },
      errors: [404, 503],
      handle: async ({ params }) => {
        const plugin = service.getPluginByKey(params.key)
        if (!plugin) throw new TenonError('PLUGIN_NOT_FOUND')
        return ok(plugin)
      },
    }),
    endpoint({
      operation: 'getPluginIcon',
      method: 'get',
      path: '/marketplace/:key/icon',
      tag,
      summary: 'The icon of a plugin',
      description: 'Fetched by the host, so that a browser never contacts what a manifest names.',
      role: 'Auditor',
      params: z.object({ key: z.string().max(100) }),
      success: { status: 200, contentType: 'image/*' },
      errors: [404, 503],
      handle: async ({ params }) => {
        const { bytes, contentType } = await service.getPluginIcon(params.key)
        const file = { content: bytes, filename: `${params.key} icon`, contentType }
        return { status: 200, file, headers: { 'cache-control': 'private, max-age=3600' } }
      },
    }),
    endpoint({
      operation: 'getCategories',
      method: 'get',
      path: '/categories',
      tag,
      summary: 'List the categories',
      role: 'Reviewer',
      success: { status: 200, schema: z.array(pluginCategorySchema) },
      errors: [503],
      handle: async () => ok(service.getCategories()),
    }),
  ]
}

function installationEndpoints(service: PluginService): Endpoint[] {
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
      description: 'When anything goes wrong, the version that was there stays.',
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
      params: key,
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

function connectionEndpoints(service: PluginService): Endpoint[] {
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
      body: jsonObject,
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

/** S78 to S81: four routes that plugins have, with the seed's names for them. They are the general route call. */
function pluginEndpoints(service: PluginService, uploads: Uploads): Endpoint[] {
  const tag = 'Plugins'
  const errors = [404, 409, 422, 502, 503, 504]
  const call = callPluginRoute(service, uploads)
  return [
    endpoint({
      operation: 'getMLflowModels',
      method: 'get',
      path: '/:key/models',
      tag,
      summary: 'List the models that a plugin has synced',
      role: 'Auditor',
      params: key,
      query: jsonObject,
      success: { status: 200, schema: z.unknown() },
      errors,
      handle: (request) => call(request, '/models'),
    }),
    endpoint({
      operation: 'syncMLflowModels',
      method: 'post',
      path: '/:key/sync',
      tag,
      summary: 'Sync models now',
      mayGoOn: true,
      takesFiles: true,
      readsBodyLate: true,
      role: 'Auditor',
      params: key,
      success: { status: 200, schema: z.unknown() },
      errors,
      handle: (request) => call(request, '/sync'),
    }),
    endpoint({
      operation: 'getRiskImportTemplate',
      method: 'get',
      path: '/:key/template',
      tag,
      summary: 'Download the template of an import',
      role: 'Auditor',
      params: key,
      success: { status: 200, contentType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' },
      errors,
      handle: (request) => call(request, '/template'),
    }),
    endpoint({
      operation: 'importRisks',
      method: 'post',
      path: '/:key/import',
      tag,
      summary: 'Import rows, or an .xlsx or .csv file',
      mayGoOn: true,
      takesFiles: true,
      readsBodyLate: true,
      role: 'Auditor',
      params: key,
      body: z
        .object({ csvData: z.array(z.unknown(), { error: 'CSV data is required and must be an array' }).optional() })
        .loose()
        .optional(),
      success: { status: 200, schema: z.unknown() },
      errors: [...errors, 413],
      handle: (request) => call(request, '/import'),
    }),
  ]
}

/** Where the files of forms go. */
export interface Uploads {
  store: Pick<UploadStore, 'begin' | 'release'>
  limits: FormLimits
}

/** Hands a request to the plugin. The least role of a route is the plugin's to raise, and checked where its report is known. */
export function callPluginRoute(service: PluginService, { store, limits }: Uploads) {
  return async (
    { params, principal, request, query, readBody, signal }: Call<{ key: string }, unknown, unknown>,
    path: string,
  ): Promise<Answer> => {
    let release = (): Promise<void> => Promise.resolve()
    let isHeld = false
    const isForm = Boolean(request.is('multipart/form-data'))
    const receive = async (): Promise<Pick<RouteRequest, 'body' | 'file'>> => {
      if (!isForm) {
        const body = await readBody()
        return body === undefined ? {} : { body }
      }
      const owner = { organizationId: principal.organizationId, pluginKey: params.key }
      const upload = await store.begin(owner, announcedBytes(request, limits))
      const form = await readForm(request, upload, limits).catch(async (error: unknown) => {
        await upload.abandon()
        throw error
      })
      if (form.file) release = () => store.release(owner, upload.id)
      else await upload.abandon()
      return { body: form.fields, ...(form.file ? { file: form.file } : {}) }
    }
    try {
      const answer = await service.callRoute(principal.tenantId, {
        pluginKey: params.key,
        userId: principal.userId,
        role: principal.role,
        method: request.method,
        path,
        query: query as Record<string, unknown>,
        signal,
        receive,
        respondAsync: asksForAsync(request),
        isHeld: () => void (isHeld = true),
      })
      return toAnswer(answer)
    } finally {
      if (!isHeld) await release().catch(() => undefined)
    }
  }
}

function toAnswer({ status, data, buffer, filename, contentType, headers }: RouteAnswer): Answer {
  if (status >= 400) throw new PluginAnsweredError(status, data)
  const safeHeaders = headersOf(headers)
  if (!buffer) return { status, data: data ?? null, headers: safeHeaders }
  return {
    status,
    headers: safeHeaders,
    file: { content: buffer, filename: filename ?? 'download', contentType: contentType ?? 'application/octet-stream' },
  }
}

/** What a plugin may say of caches; everything else stays the host's `private, no-store`. */
const privateCache = /^private, ?max-age=\d{1,8}$/i
const passedHeaders = new Set(['content-language', 'etag', 'last-modified', 'retry-after'])

/** A plugin's text on our origin: only headers that cannot set cookies, open the page to others, or redirect. */
function headersOf(headers: RouteAnswer['headers'] = {}): Record<string, string> {
  const passed = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const)
    .filter(
      ([name, value]) =>
        (passedHeaders.has(name) && /^[\x20-\x7e]*$/.test(value)) ||
        (name === 'cache-control' && privateCache.test(value)),
    )
  return Object.fromEntries(passed)
}
