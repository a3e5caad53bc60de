import { TenonError } from '@tenon/contract'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import { reportOf } from './configure.js'
import { findRunning } from './find-running.js'
import type { InstallationStore } from './installation-store.js'
import { longWorkFor } from './long-work.js'
import type { RouteAnswer } from '../runtime/index.js'
import type { PluginCaller } from './plugin-caller.js'
import { assertRole, functionAnswer, invocationFor, neededRole } from './route-invocation.js'
import type { CallRoute } from './route-request.js'
import type { Runs } from './runs.js'
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
    const invocation = invocationFor(received, report, configuration.values)
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
