import { TenonError, isJsonObject, type ErrorCode, type RoleName, type RunJson } from '@tenon/contract'
import type { ActiveRun } from '../jobs/active-run.js'
import type { Ended, Jobs, WorkResult } from '../jobs/jobs.js'
import { isOver, toRunJson, type NewRun, type Run } from '../jobs/run.js'
import type { TenantScope } from '../migrations/index.js'
import type { RouteAnswer } from '../runtime/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import type { UploadStore } from '../uploads/index.js'
import { reportOf } from './configure.js'
import { findRunning } from './find-running.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { answerOfKept, keepResult, withResult } from './kept-results.js'
import { isJob, longWorkFor, type LongWork } from './long-work.js'
import type { PluginCaller } from './plugin-caller.js'
import { PluginAnsweredError } from './plugin-answered-error.js'
import { readSaid, type RequestedRuns } from './requested-runs.js'
import type { RouteRequest } from './route-request.js'
import { assertRole, functionAnswer, invocationFor, neededRole } from './route-invocation.js'
import { toShownRun } from './shown-run.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

interface RunWorkOptions {
  store: InstallationStore
  caller: PluginCaller
  vault: ConfigurationVault
  uploads: Pick<UploadStore, 'read' | 'begin' | 'release'>
  findTenant: (organizationId: number) => Promise<TenantScope | undefined>
  /** A run that takes longer is ended, in milliseconds. */
  deadlineMs: number
}

/** Does a run: calls the plugin in its process for jobs. */
export type RunWork = (active: ActiveRun) => Promise<WorkResult>

export function createRunWork({ store, caller, vault, uploads, findTenant, deadlineMs }: RunWorkOptions): RunWork {
  return async (active) => {
    const { run, signal } = active
    const tenant = await findTenant(run.organizationId)
    if (!tenant) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin: run.pluginKey })
    const installation = await findRunning(store, tenant, run.pluginKey)
    const subject = subjectOf(tenant, installation)
    if (!subject) throw new TenonError('PLUGIN_NOT_INSTALLED', { plugin: run.pluginKey })
    const report = reportOf(installation)
    const configuration = vault.open(installation.configuration, configurationOwnerOf(tenant, installation))
    const { method = 'POST', path = '/', sentId, ...input } = run.input ?? {}
    const said = sentId === undefined ? {} : await readSaid(uploads, run, sentId)
    const userId = run.requestedBy ?? 0
    const { pluginKey } = run
    const request = { tenant, body: {}, pluginKey, userId, role: 'host' as const, method, path, ...input, ...said }
    const invocation = isJob(report, run.action, method, path)
      ? { kind: 'job' as const, name: run.action, args: [request.body ?? {}] }
      : invocationFor(request, report, configuration.values)
    const answered = await caller.call({
      subject,
      userId,
      configuration,
      invocation,
      runId: run.workId,
      lane: 'job',
      deadlineMs,
      signal,
      onProgress: active.progress,
    })
    const answer = invocation.kind === 'route' ? (answered as RouteAnswer) : functionAnswer(answered)
    assertWorked(answer)
    const kept = await keepResult(uploads, run, answer.data, subject.manifest.displayName)
    return { answer, counts: countsOf(answer.data), ...kept }
  }
}

/** @throws PluginAnsweredError for an answer that says that it failed (C19, D-23) */
function assertWorked({ status, data }: RouteAnswer): void {
  if (status >= 400) throw new PluginAnsweredError(status, data)
  if (isJsonObject(data) && data['success'] === false && !('imported' in data)) throw new PluginAnsweredError(502, data)
}

const maxCounts = 20

/** The numbers in an answer: what was imported, added, left alone. */
function countsOf(data: unknown): Record<string, number> {
  if (!isJsonObject(data)) return {}
  const numbers = Object.entries(data).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
  )
  return Object.fromEntries(numbers.slice(0, maxCounts))
}

/** Long work of installed plugins, as requests and people see it. */
export interface Runs {
  /** Starts a run for a request, and waits for it as long as the request does. */
  call(request: RouteRequest, installation: Installation, work: LongWork): Promise<RouteAnswer>
  list(
    tenant: TenantScope,
    installationId: number,
    filter: { page: number; pageSize: number; action?: string | undefined; state?: string | undefined },
    role: RoleName,
  ): Promise<{ items: RunJson[]; total: number }>
  get(tenant: TenantScope, id: string, role: RoleName): Promise<RunJson>
  /** @throws TenonError RUN_NOT_FOUND, RUN_OVER, ROLE_FORBIDDEN */
  cancel(tenant: TenantScope, id: string, role: RoleName): Promise<RunJson>
  /**
   * The same work once more, as a run of its own, with what was sent for it.
   * @throws TenonError RUN_NOT_OVER, RUN_NOT_REPEATABLE, RUN_LIMIT, ROLE_FORBIDDEN
   */
  retry(tenant: TenantScope, id: string, by: { userId: number; role: RoleName }): Promise<RunJson>
}

interface RunsOptions {
  jobs: Jobs
  uploads: Pick<UploadStore, 'read'>
  store: InstallationStore
  requested: RequestedRuns
}

export function createRuns({ jobs, uploads, store, requested }: RunsOptions): Runs {
  return {
    async call(request, installation, { kind, action, title, isRepeatable }) {
      const { tenant, userId, respondAsync = false } = request
      const newRun: NewRun = {
        organizationId: tenant.organizationId,
        installationId: installation.id,
        pluginKey: installation.pluginKey,
        kind,
        action,
        title,
        trigger: 'manual',
        requestedBy: userId,
        // A person who waits is told at once, and decides.
        maxAttempts: respondAsync ? jobs.limits.maxAttempts : 1,
        isRepeatable,
      }
      const run = await requested.enqueue(newRun, request)
      request.isHeld?.()
      const ended = respondAsync ? { run } : await jobs.wait(run, jobs.limits.waitMs)
      return isOver(ended.run.state) ? answerOf(ended, uploads) : { status: 202, data: { runId: run.id } }
    },

    async list(tenant, installationId, filter, role) {
      const installation = await store.find(tenant, installationId)
      if (!installation) throw new TenonError('INSTALLATION_NOT_FOUND')
      const { organizationId } = tenant
      const { items, total } = await jobs.list({ organizationId, installationId, ...filter })
      return { items: items.map((run) => toShownRun(run, installation, role)), total }
    },

    async get(tenant, id, role) {
      const run = await withResult(uploads, await jobs.get(tenant.organizationId, id))
      return toShownRun(run, await store.findByKey(tenant, run.pluginKey), role)
    },

    async cancel(tenant, id, role) {
      const { kind, pluginKey } = await jobs.get(tenant.organizationId, id)
      assertRole(role, kind === 'install' ? 'Admin' : 'Editor')
      const installation = await store.findByKey(tenant, pluginKey)
      return toShownRun(await jobs.cancel(tenant.organizationId, id), installation, role)
    },

    async retry(tenant, id, { userId, role }) {
      const run = await jobs.get(tenant.organizationId, id)
      if (!isOver(run.state)) throw new TenonError('RUN_NOT_OVER', { state: run.state })
      const { input, kind, action, title, isRepeatable } = run
      if (!input || kind === 'install') throw new TenonError('RUN_NOT_REPEATABLE')
      const installation = await findRunning(store, tenant, run.pluginKey)
      assertRole(role, neededRole(input.method, input.path, reportOf(installation)))
      assertRole(role, longWorkFor(installation.manifest, input.method, input.path)?.role ?? 'Editor')
      const again = {
        organizationId: tenant.organizationId,
        installationId: installation.id,
        pluginKey: run.pluginKey,
        ...{ kind, action, title, input, isRepeatable },
        trigger: 'manual' as const,
        requestedBy: userId,
        maxAttempts: jobs.limits.maxAttempts,
      }
      return toRunJson(await requested.enqueueAgain(run, again))
    },
  }
}

/** What the request that waited gets: exactly what the plugin said, or threw. */
async function answerOf({ run, outcome }: Ended, uploads: Pick<UploadStore, 'read'>): Promise<RouteAnswer> {
  if (outcome && 'answer' in outcome) return outcome.answer as RouteAnswer
  if (run.state === 'succeeded') return { status: 200, data: await answerOfKept(uploads, run) }
  const error = outcome?.error ?? errorOf(run)
  if (error instanceof PluginAnsweredError) return error.answer
  throw error
}

/** The error of a run that another server worked on. */
function errorOf({ state, failure }: Run): TenonError {
  if (state === 'cancelled' || !failure) return new TenonError('CALL_CANCELLED')
  const { code, status, message, details } = failure
  const data = { ...details, message }
  return code === 'PLUGIN_ANSWERED' ? new PluginAnsweredError(status, data) : new TenonError(code as ErrorCode, data)
}
