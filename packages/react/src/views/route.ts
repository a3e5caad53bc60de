import { isHostPath } from '@tenon/contract/frame'
import { ApiError } from '../api/ApiError.js'
import { request, type RequestInput, requestWork, type Work } from '../api/request.js'

/**
 * A route as a manifest writes it: `POST /sync`. What the host answers itself below the key of a plugin is none of its
 * routes: a button that is called a refresh must not disconnect an account.
 *
 * @throws ApiError
 */
export function splitRoute(route: string): { method: NonNullable<RequestInput['method']>; path: string } {
  const [method = 'GET', path = '/'] = route.split(' ')
  if (isHostPath(path)) throw new ApiError(`"${route}" is not a route of the plugin.`, 0, 'ROUTE_NOT_LISTED')
  return { method: method as NonNullable<RequestInput['method']>, path }
}

/** Calls a route of a plugin. @throws ApiError */
export async function callRoute<Answer>(pluginKey: string, route: string, input: RequestInput = {}): Promise<Answer> {
  const { method, path } = splitRoute(route)
  return request<Answer>(`/plugins/${pluginKey}${path}`, { ...input, method })
}

/** Begins what a route of a plugin does, without waiting for its end where that takes its time. @throws ApiError */
export async function startRoute<Answer>(
  pluginKey: string,
  route: string,
  input: RequestInput = {},
): Promise<Work<Answer>> {
  const { method, path } = splitRoute(route)
  return requestWork<Answer>(`/plugins/${pluginKey}${path}`, { ...input, method })
}

/** What a JSON pointer points at; undefined when it points at nothing. */
export function pointed(value: unknown, pointer: string | undefined): unknown {
  if (pointer === undefined) return undefined
  return pointer
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (part, key) =>
        typeof part === 'object' && part !== null && Object.hasOwn(part, key)
          ? (part as Record<string, unknown>)[key]
          : undefined,
      value,
    )
}
