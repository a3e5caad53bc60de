import { isDeepStrictEqual } from 'node:util'
import {
  PluginInstallationStatus as Status,
  TenonError,
  eventPatternCovers,
  isTenonError,
  permissionIds,
  type CatalogEntry,
  type PluginEvent,
  type VerifiedArtifact,
} from '@tenon/contract'
import type { PluginInvocation, PluginReport } from '@tenon/contract/wire'
import type { Artifacts } from '../artifacts/index.js'
import type { TenantScope } from '../migrations/index.js'
import { maxWaitingEvents } from '../events/waiting-events.js'
import { assertNotBlocked, type Blocks } from '../operator/blocks.js'
import type { Records } from '../records/index.js'
import {
  PluginCallError,
  type HostCalls,
  type LogLine,
  type NetworkPolicy,
  type Progress,
  type RouteAnswer,
  type Runtime,
} from '../runtime/index.js'
import type { OpenConfiguration } from '../secrets/configuration-vault.js'
import type { Redactor } from '../secrets/redactor.js'
import type { DatabaseSession, Tenancy } from '../tenancy/index.js'
import { grantsOf } from './grants.js'
import type { InstallationStore } from './installation-store.js'
import { jsonOf } from './json-of.js'
import type { KnownSecrets } from './known-secrets.js'
import { missingTablePermission, type PermissionMeter } from './permission-meter.js'
import { isShared, type PluginRoles } from './plugin-roles.js'

/** One plugin of one tenant, and the exact code of it. */
export interface CallSubject {
  tenant: TenantScope
  pluginKey: string
  installationId: number
  digest: string
  /** What is in force; see {@link Installation}. */
  manifest: CatalogEntry
  /** With all that it asks for. Default: the same. */
  asked?: CatalogEntry
  /** The location of the marketplace it came from. */
  source: string
}

export interface CallRequest {
  subject: CallSubject
  invocation: PluginInvocation
  userId: number
  configuration: OpenConfiguration
  deadlineMs?: number
  /** Of long work, told to the plugin. */
  runId?: string
  /** Long work has a process of its own. */
  lane?: 'job'
  signal?: AbortSignal
  /** Its message is without secrets. */
  onProgress?: (progress: Progress) => void
}

export interface PluginCaller {
  /** Loads the plugin's code in its process and says what it exports. */
  inspect(subject: CallSubject): Promise<PluginReport>
  /** One call with statements in autocommit. */
  call(request: CallRequest): Promise<unknown>
  /** One call with everything it does in the database in one transaction; see {@link Verdict}. */
  callInTransaction<Result>(request: CallRequest, verdict: Verdict<Result>): Promise<Result>
}

/** Decides over a transaction: committed when `accept` returns, rolled back when the call fails or `accept` throws. */
export interface Verdict<Result> {
  before?: (session: DatabaseSession) => Promise<void>
  accept: (answer: unknown, session: DatabaseSession) => Result | Promise<Result>
}

interface PluginCallerOptions {
  runtime: Runtime
  tenancy: Pick<Tenancy, 'openSession'>
  roles: PluginRoles
  artifacts: Artifacts
  networkPolicy: (manifest: CatalogEntry, configuration: Record<string, unknown>) => NetworkPolicy
  /** Values of the operator's environment that a plugin was granted. */
  environment: (manifest: CatalogEntry) => Readonly<Record<string, string>>
  /** What a plugin may ask of the host besides its database, bound to one subject. */
  hostCalls: (subject: CallSubject) => HostCalls
  store: Pick<InstallationStore, 'findByKey'>
  blocks: Pick<Blocks, 'find'>
  records: Records
  meter: PermissionMeter
  secrets: KnownSecrets
  log: (event: string, fields: Record<string, unknown>) => void
}

/** What people and the host ask of a plugin that is installed. */
const asksForWork: ReadonlySet<PluginInvocation['kind']> = new Set(['route', 'function', 'event', 'job'])

/** The session of a call ends with the call; this is for a call that is never told its end. No call takes longer. */
const longestSessionMs = 16 * 60_000

export function createPluginCaller({
  runtime,
  tenancy,
  roles,
  artifacts,
  networkPolicy,
  environment,
  hostCalls,
  store,
  blocks,
  records,
  meter,
  secrets,
  log,
}: PluginCallerOptions): PluginCaller {
  async function inSession<Result>(
    request: CallRequest,
    mode: 'autocommit' | 'lifecycle',
    { before, accept }: Verdict<Result>,
  ): Promise<Result> {
    const { subject, invocation, userId, signal } = request
    const { values: configuration, secrets: configured } = request.configuration
    assertRunnable(subject)
    const artifact = await artifacts.load(subject.digest)
    const redactor = secrets.of(ids(subject))
    redactor.hide(configured)
    const granted = environment(subject.manifest)
    redactor.hide(granted)
    countGiven(subject, invocation, Object.keys(granted))
    const session = tenancy.openSession(await roles.find(subject), {
      mode,
      deadlineMs: longestSessionMs,
      isJob: request.lane === 'job',
      ...(isShared(subject.manifest) ? { recordTablesOf: subject.pluginKey } : {}),
      onTables: meter.tables(subject),
      ...(signal ? { signal } : {}),
    })
    try {
      await before?.(session)
      const answer: unknown = await runtime.call(
        { ...target(subject, artifact), environment: granted },
        {
          invocation,
          context: {
            tenantId: subject.tenant.schema,
            organizationId: subject.tenant.organizationId,
            userId,
            configuration,
            ...(request.runId === undefined ? {} : { run: { id: request.runId } }),
          },
          ...(request.deadlineMs === undefined ? {} : { deadlineMs: request.deadlineMs }),
          ...(request.lane ? { lane: request.lane } : {}),
          network: meter.network(subject, networkPolicy(subject.manifest, configuration), configuration),
          host: () => ({
            ...session.handlers,
            'db.query': hidingPublished(namingPermission('db.query', session, subject, meter), redactor),
            'db.copy': namingPermission('db.copy', session, subject, meter),
            ...hidingReported(hidingOpened(hostCalls(subject), redactor), redactor),
            ...publishThrough(session, subject, meter, redactor),
          }),
          onLog: (line) => {
            const kept = { ...line, text: redactor.text(line.text) }
            records.log.write(sourceOf(subject), kept)
            log('plugin-log', { ...ids(subject), ...logFields(kept) })
          },
          isInForce: () => isInForce(subject, invocation),
          ...(request.onProgress ? { onProgress: redactedProgress(request.onProgress, redactor) } : {}),
          ...(signal ? { signal } : {}),
        },
      )
      // What a route answers is for the person who asked; everything else, and what a run answers, is kept by the host.
      const isForAsker = invocation.kind === 'route' && request.lane !== 'job'
      const result = await accept(isForAsker ? answer : redactor.value(answer), session)
      if (mode === 'lifecycle') await session.commit()
      return result
    } catch (error) {
      // What was stopped because it is blocked now says so.
      if (isTenonError(error, 'PLUGIN_RESTARTED')) assertRunnable(subject)
      throw redactError(error, redactor)
    } finally {
      await session.end()
    }
  }

  /** What a call is given without asking for it: values of the environment, and the event that it is about. */
  function countGiven(subject: CallSubject, invocation: PluginInvocation, environmentNames: readonly string[]): void {
    for (const name of environmentNames) meter.used(subject, permissionIds.environment(name))
    if (invocation.kind !== 'event') return
    const { name } = invocation.event as Partial<PluginEvent>
    const pattern = subject.manifest.permissions?.events.find(
      (asked) => typeof name === 'string' && eventPatternCovers(asked, name),
    )
    if (pattern !== undefined) meter.used(subject, permissionIds.event(pattern))
  }

  /**
   * False for what was blocked, disabled, updated, removed or granted something else meanwhile: its process was stopped on
   * purpose. What installs, configures or removes a plugin has a claim on it, and is in force until it has ended.
   */
  async function isInForce(
    { tenant, pluginKey, digest, manifest }: CallSubject,
    { kind }: PluginInvocation,
  ): Promise<boolean> {
    if (blocks.find({ pluginKey, digest })) return false
    if (!asksForWork.has(kind)) return true
    const installation = await store.findByKey(tenant, pluginKey)
    if (installation?.status !== Status.INSTALLED || installation.digest !== digest) return false
    return installation.manifest !== null && grantsOf(installation.manifest) === grantsOf(manifest)
  }

  function assertRunnable({ pluginKey, digest, manifest }: CallSubject): void {
    assertNotBlocked(blocks, { plugin: manifest.displayName, pluginKey, digest })
  }

  /** The call, counted: how long it took, and whether it was answered as it should be. */
  async function counted<Result>(request: CallRequest, work: () => Promise<Result>): Promise<Result> {
    const startedAt = performance.now()
    const count = (failed: boolean) =>
      records.usage.countCall(sourceOf(request.subject), { ms: performance.now() - startedAt, failed })
    try {
      const result = await work()
      count(request.invocation.kind === 'route' && (result as RouteAnswer).status >= 500)
      return result
    } catch (error) {
      const isBlocked = isTenonError(error, 'PLUGIN_BLOCKED')
      if (isBlocked) meter.refused(request.subject, 'call')
      else if (!isTenonError(error, 'CALL_CANCELLED')) count(true)
      throw error
    }
  }

  return {
    inspect: async (subject) => {
      assertRunnable(subject)
      const { codeCache: _kept, ...report } = await runtime.inspect(
        target(subject, await artifacts.load(subject.digest)),
      )
      return report
    },
    call: (request) => counted(request, () => inSession(request, 'autocommit', { accept: (answer) => answer })),
    callInTransaction: (request, verdict) => counted(request, () => inSession(request, 'lifecycle', verdict)),
  }
}

function target(subject: CallSubject, artifact: VerifiedArtifact) {
  return {
    tenantId: subject.tenant.schema,
    pluginKey: subject.pluginKey,
    installationId: subject.installationId,
    artifact,
    grants: grantsOf(subject.manifest),
  }
}

const ids = (subject: CallSubject) => ({ tenantId: subject.tenant.schema, pluginKey: subject.pluginKey })
const sourceOf = ({ tenant: { organizationId }, pluginKey, installationId }: CallSubject) => ({
  organizationId,
  pluginKey,
  installationId,
})

/** `level` is the name of the log's own. */
export function logFields({ level, ...rest }: LogLine): Record<string, unknown> {
  return { pluginLevel: level, ...rest }
}

function redactedProgress(tell: (progress: Progress) => void, redactor: Redactor): (progress: Progress) => void {
  return ({ message, ...progress }) =>
    tell({ ...progress, ...(message === undefined ? {} : { message: redactor.text(message) }) })
}

/**
 * Counts what Postgres, or the statement guard, refuses, and what a statement publishes. One that was refused because the
 * plugin was not granted all that it asks for says what is missing.
 */
function namingPermission(
  name: 'db.query' | 'db.copy',
  session: DatabaseSession,
  subject: CallSubject,
  meter: PermissionMeter,
): HostCalls[string] {
  return async (params) => {
    const answer = (await session.handlers[name](params)) as StatementAnswer
    const { code, message = '' } = answer.error ?? {}
    if (!answer.error)
      for (const event of publishedIn(params, subject)) meter.used(subject, permissionIds.publish(event))
    if (code === 'STATEMENT_REFUSED') meter.refused(subject, 'statement')
    if (code !== '42501') return answer
    const event = unpublished.exec(message)?.[1]
    if (event !== undefined) {
      meter.refused(subject, permissionIds.publish(event))
      return answer
    }
    const { sql, table } = params as { sql?: unknown; table?: unknown }
    const wording = typeof sql === 'string' ? sql : `INSERT INTO ${String(table)}`
    const permission = missingTablePermission(subject.asked ?? subject.manifest, subject.manifest, {
      message,
      sql: wording,
    })
    meter.refused(subject, permission ?? 'database')
    return permission === undefined ? answer : { error: { ...answer.error, permission } }
  }
}

/** What `tenon_api.publish` says of a name that it does not take. */
const unpublished = /^This plugin did not declare that it publishes the event "(.*)"\.$/s

/** The events that a statement published which calls `tenon_api.publish` itself: those whose names stand in it. */
function publishedIn(params: unknown, { manifest }: CallSubject): string[] {
  const { sql, bind } = params as { sql?: unknown; bind?: unknown }
  if (typeof sql !== 'string' || !/\btenon_api"?\s*\.\s*"?publish\b/i.test(sql)) return []
  const values: unknown[] = Array.isArray(bind) ? bind : []
  const isNamed = (name: string) => sql.includes(`'${name}'`) || values.includes(name)
  return (manifest.contributes?.publishes ?? []).filter(isNamed)
}

interface StatementAnswer {
  error?: { code?: string; message?: string }
}

/** Secrets that the plugin asks for during the call are secrets of the call, too. */
function hidingOpened(calls: HostCalls, redactor: Redactor): HostCalls {
  const hiding = ['connections.open', 'connections.secrets', 'secrets.open'].flatMap((name) => {
    const open = calls[name]
    if (!open) return []
    const call: typeof open = async (...request) => {
      const opened = await open(...request)
      redactor.hide(opened)
      return opened
    }
    return [[name, call] as const]
  })
  return { ...calls, ...Object.fromEntries(hiding) }
}

/** What is said about a connection is shown to people, and kept. */
function hidingReported(calls: HostCalls, redactor: Redactor): HostCalls {
  const report = calls['connections.report']
  return report ? { ...calls, 'connections.report': (params) => report(redactor.value(params)) } : calls
}

/** The same error without the secrets that the plugin, or a service that it asked, put into its words. */
function redactError(error: unknown, redactor: Redactor): unknown {
  if (error instanceof PluginCallError) {
    return new PluginCallError(String(error.details['plugin']), redactor.value(error.pluginError))
  }
  if (!(error instanceof TenonError)) return error
  const said = { details: error.details, cause: error.cause }
  const { details, cause } = redactor.value(said)
  return isDeepStrictEqual({ details, cause }, said) ? error : new TenonError(error.code, details, { cause })
}

/** Publishing with a statement of one's own is publishing all the same. */
function hidingPublished(query: NonNullable<HostCalls[string]>, redactor: Redactor): NonNullable<HostCalls[string]> {
  return async (params) => {
    const { sql } = params as { sql?: unknown }
    return query(typeof sql === 'string' && /tenon_api/i.test(sql) ? redactor.value(params) : params)
  }
}

/** Publishing is SQL on the plugin's own role: it joins the plugin's transaction, and Postgres checks the name. */
function publishThrough(
  session: DatabaseSession,
  subject: CallSubject,
  meter: PermissionMeter,
  redactor: Redactor,
): HostCalls {
  return {
    'events.publish': async (params) => {
      const { name, payload, transaction } = params as { name: unknown; payload: unknown; transaction?: unknown }
      if (typeof name !== 'string')
        throw new TenonError('VALIDATION_FAILED', { message: 'publish() needs the name of an event.' })
      // Others will read it.
      const bind = [name, jsonOf(redactor.value(payload ?? {}))]
      const answer = await session.handlers['db.query']({
        sql: 'SELECT tenon_api.publish($1, $2::jsonb)',
        bind,
        ...(typeof transaction === 'string' ? { transaction } : {}),
      })
      const { error } = answer as StatementAnswer
      if (error) throw publishingError(error, name, subject, meter)
      meter.used(subject, permissionIds.publish(name))
      return null
    },
  }
}

function publishingError(
  { code, message = 'publishing' }: NonNullable<StatementAnswer['error']>,
  name: string,
  subject: CallSubject,
  meter: PermissionMeter,
): TenonError {
  if (code === '53400') return new TenonError('EVENTS_WAITING', { limit: maxWaitingEvents })
  if (code !== '42501') return new TenonError('VALIDATION_FAILED', { message })
  const permission = permissionIds.publish(name)
  meter.refused(subject, permission)
  const isAsked = (subject.asked ?? subject.manifest).contributes?.publishes.includes(name) ?? false
  return new TenonError('PERMISSION_DENIED', {
    plugin: subject.manifest.displayName,
    permission: isAsked ? permission : message,
  })
}
