import {
  PluginInstallationStatus as Status,
  TenonError,
  isJsonObject,
  roleAllows,
  roleNames,
  type RoleName,
} from '@tenon/contract'
import { matchRoute, type PluginInvocation, type PluginReport } from '@tenon/contract/wire'
import type { TenantScope } from '../migrations/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import { reportOf } from './configure.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { longWorkFor } from './long-work.js'
import type { RouteAnswer } from '../runtime/index.js'
import type { PluginCaller } from './plugin-caller.js'
import type { CallRoute, RouteRequest } from './route-request.js'
import type { Runs } from './runs.js'
import { seedRoute } from './seed-names.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

/** A page waits for what it reads; a sync or an import may take as long as most proxies let a request live. */
const readDeadlineMs = 30_000
const workDeadlineMs = 60_000

interface RoutesOptions {
  store: InstallationStore
  caller: PluginCaller
  vault: ConfigurationVault
  /** For what takes its time. */
  runs: Pick<Runs, 'call'>
}

export function createCallRoute({ store, caller, vault, runs }: RoutesOptions): CallRoute {
  return async (request) => {
    const { tenant, pluginKey, userId, method, path, signal } = request
    const installation = await findRunning(store, tenant, pluginKey)
    const subject = subjectOf(tenant, installation)
    if (!subject) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin: pluginKey })
    const report = reportOf(installation)
    assertRole(request.role, neededRole(method, path, report))
    const work = longWorkFor(installation.manifest, method, path)
    if (work?.role) assertRole(request.role, work.role)
    const received = request.receive ? { ...request, ...(await request.receive()) } : request
    if (work) return runs.call(received, installation, work)
    const configuration = vault.open(installation.configuration, configurationOwnerOf(tenant, installation))
    const invocation = invocationFor(received, report, configuration)
    const deadlineMs = method === 'GET' ? readDeadlineMs : workDeadlineMs
    const answer = await caller.call({
      subject,
      userId,
      configuration,
      invocation,
      deadlineMs,
      ...(signal ? { signal } : {}),
    })
    return invocation.kind === 'function' ? functionAnswer(answer) : (answer as RouteAnswer)
  }
}

/** @throws TenonError PLUGIN_NOT_INSTALLED, PLUGIN_DISABLED, INSTALLATION_BUSY */
export async function findRunning(
  store: InstallationStore,
  tenant: TenantScope,
  pluginKey: string,
): Promise<Installation> {
  const installation = await store.findByKey(tenant, pluginKey)
  const plugin = installation?.manifest?.displayName ?? pluginKey
  if (!installation || installation.status === Status.FAILED) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin })
  if (installation.status === Status.DISABLED) throw new TenonError('PLUGIN_DISABLED', { plugin })
  if (installation.status !== Status.INSTALLED)
    throw new TenonError('INSTALLATION_BUSY', { plugin, status: installation.status })
  return installation
}

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

/** The least role: what the handler declares that the runner will find, else Reviewer for reading and Editor for the rest. */
function neededRole(method: string, path: string, report: PluginReport | undefined): RoleName {
  const { routes, routeRoles } = report ?? { routes: [], routeRoles: {} as Record<string, string> }
  const key = matchRoute(routes, method, path)?.key ?? ''
  const declared = Object.hasOwn(routeRoles, key) ? routeRoles[key] : undefined
  if (declared === undefined) return method === 'GET' || method === 'HEAD' ? 'Reviewer' : 'Editor'
  // A role that we do not know was meant to keep somebody out.
  return roleNames.find((name) => name === declared) ?? 'Admin'
}

/** @throws TenonError ROLE_FORBIDDEN */
export function assertRole(role: RouteRequest['role'], needed: RoleName): void {
  if (role !== 'host' && !roleAllows(role, needed)) throw new TenonError('ROLE_FORBIDDEN', { needed, role })
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
