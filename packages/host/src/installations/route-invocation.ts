import { TenonError, isJsonObject, roleAllows, roleNames, type RoleName } from '@tenon/contract'
import { matchRoute, type PluginInvocation, type PluginReport } from '@tenon/contract/wire'
import type { RouteAnswer } from '../runtime/index.js'
import type { RouteRequest } from './route-request.js'
import { seedRoute } from './seed-names.js'

/** A route of the plugin's router; for plugins of the seed's generation, the named function that stands for it. */
export function invocationFor(
  request: RouteRequest,
  report: PluginReport | undefined,
  configuration: Record<string, unknown>,
): PluginInvocation {
  const { method, path, query, body, file } = request
  const seed = report?.routes.length === 0 ? seedRoute(request, report, configuration) : undefined
  return (
    seed ?? {
      kind: 'route',
      method,
      path,
      ...(query ? { query } : {}),
      ...(body === undefined ? {} : { body }),
      ...(file ? { file } : {}),
    }
  )
}

/** @throws TenonError ROLE_FORBIDDEN */
export function assertRole(role: RouteRequest['role'], needed: RoleName): void {
  if (role !== 'host' && !roleAllows(role, needed)) throw new TenonError('ROLE_FORBIDDEN', { needed, role })
}

/** The least role: what the handler declares that the runner will find, else Reviewer for reading and Editor for the rest. */
export function neededRole(method: string, path: string, report: PluginReport | undefined): RoleName {
  return declaredRole(method, path, report) ?? (method === 'GET' || method === 'HEAD' ? 'Reviewer' : 'Editor')
}

/** The least role that the handler of a route declares. */
export function declaredRole(method: string, path: string, report: PluginReport | undefined): RoleName | undefined {
  const { routes, routeRoles } = report ?? { routes: [], routeRoles: {} as Record<string, string> }
  const key = matchRoute(routes, method, path)?.key ?? ''
  const declared = Object.hasOwn(routeRoles, key) ? routeRoles[key] : undefined
  if (declared === undefined) return undefined
  // A role that we do not know was meant to keep somebody out.
  return roleNames.find((name) => name === declared) ?? 'Admin'
}

/** S80: what the seed's plugins make, which do not say it. */
const workbookType = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'

/** S78 to S81: what a named function of the seed answers, as an answer of a route. */
export function functionAnswer(answer: unknown): RouteAnswer {
  if (!isJsonObject(answer)) return { status: 200, data: answer }
  const { buffer, filename, contentType = workbookType } = answer
  if (buffer instanceof Uint8Array) {
    return {
      status: 200,
      buffer: Buffer.from(buffer),
      ...(typeof filename === 'string' ? { filename } : {}),
      ...(typeof contentType === 'string' ? { contentType } : {}),
    }
  }
  // D-23: a failed sync is a failed request. An import answers with its rows, refused ones included.
  const failed = answer['success'] === false && !('imported' in answer)
  return { status: failed ? 502 : 200, data: answer }
}
