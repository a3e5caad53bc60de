import { errorBodySchema } from '@tenon/contract'
import { createDocument, type oas31, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'
import * as z from 'zod'
import type { PluginHostPort } from '../plugin-host-port.js'
import type { Route } from './route.js'

interface DocumentOptions {
  routes: readonly Route[]
  host: Pick<PluginHostPort, 'openapi'>
  version: string
  /** Address under which browsers reach the server. */
  publicUrl?: string | undefined
}

/** The OpenAPI 3.1 document of the whole server, made from the schemas that its requests are checked with. */
export function openApiDocument({ routes, host, version, publicUrl }: DocumentOptions): oas31.OpenAPIObject {
  return createDocument({
    openapi: '3.1.1',
    info: {
      title: 'Tenon',
      version,
      description:
        'Organizations, registers and plugins. Sign in at /api/auth/login and send the token as a bearer token.',
    },
    ...(publicUrl ? { servers: [{ url: publicUrl }] } : {}),
    paths: { ...pathsOf(routes), ...host.openapi().paths },
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    security: [{ bearer: [] }],
  })
}

/** Express writes `:id` where OpenAPI writes `{id}`. */
export function openApiPath(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}')
}

function pathsOf(routes: readonly Route[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {}
  for (const route of routes) {
    const path = openApiPath(route.path)
    paths[path] = { ...paths[path], [route.method]: operationOf(route) }
  }
  return paths
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  const { tag, summary, access, params, query, body } = route
  return {
    tags: [tag],
    summary,
    operationId: `${route.method}${route.path.replace(/[^a-zA-Z]+(.)?/g, (_, next: string = '') => next.toUpperCase())}`,
    ...(access === 'anybody' ? { security: [] } : { description: `Needs the role ${access} or more.` }),
    ...(params || query ? { requestParams: { ...(params && { path: params }), ...(query && { query }) } } : {}),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: {
      [`${route.status ?? 200}`]: {
        description: 'Success',
        content: { 'application/json': { schema: z.object({ message: z.string(), data: route.answer }) } },
      },
      default: { description: 'Failure', content: { 'application/json': { schema: errorBodySchema } } },
    },
  }
}
