import { acceptedRunSchema, envelope, errorBodySchema } from '@tenon/contract'
import * as z from 'zod'
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponsesObject } from 'zod-openapi'
import type { Endpoint } from './endpoint.js'

/** The paths of an OpenAPI 3.1 document, made from the same table as the router. */
export function describeEndpoints(endpoints: readonly Endpoint[], basePath: string): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {}
  for (const endpoint of endpoints) {
    const path = `${basePath}${endpoint.path.replace(/:(\w+)/g, '{$1}')}`
    paths[path] = { ...paths[path], [endpoint.method]: describe(endpoint) }
  }
  return paths
}

/** The one address that is not in the table: a frame without an origin can send no session along. */
export function describeFrames(basePath: string): ZodOpenApiPathsObject {
  return {
    [`${basePath}/frames/{token}`]: {
      get: {
        operationId: 'getPluginFrame',
        tags: ['Installations'],
        summary: "The page of a plugin's own UI, under a policy that lets it reach nothing",
        description: 'For whoever has the address, which openPluginFrame gives.',
        security: [],
        requestParams: { path: z.object({ token: z.string() }) },
        responses: {
          200: { description: envelope(200, null).message, content: { 'text/html': { schema: { type: 'string' } } } },
          404: errorOf(404),
        },
      },
    },
  }
}

function describe({
  operation,
  tag,
  summary,
  description,
  role,
  operator,
  params,
  query,
  body,
  success,
  errors = [],
  limited,
  mayGoOn,
}: Endpoint): ZodOpenApiOperationObject {
  const statuses = [...(body || params || query ? [400] : []), 401, 403, ...errors, ...(limited ? [429] : []), 500]
  return {
    operationId: operation,
    tags: [tag],
    summary,
    description: [description, roleSentence(role, operator)].filter(Boolean).join(' '),
    security: [{ bearer: [] }],
    requestParams: {
      ...(params ? { path: params as z.ZodObject } : {}),
      ...(query instanceof z.ZodObject ? { query } : {}),
    },
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: <ZodOpenApiResponsesObject>{
      ...successOf(success),
      ...(mayGoOn ? successOf({ status: 202, schema: acceptedRunSchema }) : {}),
      ...Object.fromEntries(statuses.map((status) => [String(status), errorOf(status)])),
    },
  }
}

function roleSentence(role: Endpoint['role'], operator = false): string {
  if (operator) return 'For operators of the installation.'
  return `Least role: ${role === 'Auditor' ? 'as the route of the plugin says' : role}.`
}

function successOf(success: Endpoint['success']) {
  const description = envelope(success.status, null).message
  if ('contentType' in success)
    return {
      [`${success.status}`]: {
        description,
        content: { [success.contentType]: { schema: { type: 'string', format: 'binary' } } },
      },
    }
  const schema = z.object({ message: z.literal(description), data: success.schema })
  return { [`${success.status}`]: { description, content: { 'application/json': { schema } } } }
}

function errorOf(status: number) {
  return { description: envelope(status, null).message, content: { 'application/json': { schema: errorBodySchema } } }
}
