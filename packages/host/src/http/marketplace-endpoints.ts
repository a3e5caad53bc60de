import { TenonError, pluginCategorySchema, pluginSchema } from '@tenon/contract'
import * as z from 'zod'
import type { PluginService } from '../installations/plugin-service.js'
import { endpoint, type Endpoint, ok } from './endpoint.js'

/** What there is to install. */
export function marketplaceEndpoints(service: PluginService): Endpoint[] {
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
