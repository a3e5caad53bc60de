import { pluginKeySchema } from '@tenon/contract'
import * as z from 'zod'
import type { PluginService } from '../installations/plugin-service.js'
import { callPluginRoute, type Uploads } from './call-plugin-route.js'
import { endpoint, type Endpoint } from './endpoint.js'

const key = z.object({ key: pluginKeySchema })

/** S78 to S81: four routes that plugins have, with the seed's names for them. They are the general route call. */
export function pluginEndpoints(service: PluginService, uploads: Uploads): Endpoint[] {
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
      query: z.record(z.string(), z.unknown()),
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
