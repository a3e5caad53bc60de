import { TenonError, type CatalogEntry, type VerifiedArtifact } from '@tenon/contract'
import type { PluginInvocation, PluginReport } from '@tenon/contract/wire'
import type { Artifacts } from '../artifacts/index.js'
import type { TenantScope } from '../migrations/index.js'
import { PluginCallError, type HostCalls, type LogLine, type NetworkPolicy, type Runtime } from '../runtime/index.js'
import { createRedactor, secretsOf, type Redactor } from '../secrets/redactor.js'
import type { DatabaseSession, Tenancy } from '../tenancy/index.js'
import { isShared, type PluginRoles } from './plugin-roles.js'

/** One plugin of one tenant, and the exact code of it. */
export interface CallSubject {
  tenant: TenantScope
  pluginKey: string
  digest: string
  /** As consented to. */
  manifest: CatalogEntry
  /** The location of the marketplace it came from. */
  source: string
}

export interface CallRequest {
  subject: CallSubject
  invocation: PluginInvocation
  userId: number
  /** In clear, for this call only. */
  configuration: Record<string, unknown>
  deadlineMs?: number
  signal?: AbortSignal
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
  /** What a plugin may ask of the host besides its database, bound to one subject. */
  hostCalls: (subject: CallSubject) => HostCalls
  log: (event: string, fields: Record<string, unknown>) => void
}

/** The session of a call ends with the call; this is for a call that is never told its end. No call takes longer. */
const longestSessionMs = 16 * 60_000

export function createPluginCaller({
  runtime,
  tenancy,
  roles,
  artifacts,
  networkPolicy,
  hostCalls,
  log,
}: PluginCallerOptions): PluginCaller {
  async function inSession<Result>(
    request: CallRequest,
    mode: 'autocommit' | 'lifecycle',
    { before, accept }: Verdict<Result>,
  ): Promise<Result> {
    const { subject, invocation, userId, configuration, signal } = request
    const artifact = await artifacts.load(subject.digest)
    const redactor = createRedactor()
    redactor.hide(secretsOf(configuration, subject.manifest.contributes?.configuration))
    const session = tenancy.openSession(await roles.find(subject), {
      mode,
      deadlineMs: longestSessionMs,
      ...(isShared(subject.manifest) ? { recordTablesOf: subject.pluginKey } : {}),
      ...(signal ? { signal } : {}),
    })
    try {
      await before?.(session)
      const answer: unknown = await runtime.call(target(subject, artifact), {
        invocation,
        context: {
          tenantId: subject.tenant.schema,
          organizationId: subject.tenant.organizationId,
          userId,
          configuration,
        },
        ...(request.deadlineMs === undefined ? {} : { deadlineMs: request.deadlineMs }),
        network: networkPolicy(subject.manifest, configuration),
        host: { ...session.handlers, ...hidingOpened(hostCalls(subject), redactor), ...publishThrough(session) },
        onLog: (line) => log('plugin-log', { ...ids(subject), ...logFields(line, redactor) }),
        ...(signal ? { signal } : {}),
      })
      // What a route answers is for the person who asked; everything else is kept or shown by the host.
      const result = await accept(invocation.kind === 'route' ? answer : redactor.value(answer), session)
      if (mode === 'lifecycle') await session.commit()
      return result
    } catch (error) {
      throw redactError(error, redactor)
    } finally {
      await session.end()
    }
  }

  return {
    inspect: async (subject) => {
      const { codeCache: _kept, ...report } = await runtime.inspect(
        target(subject, await artifacts.load(subject.digest)),
      )
      return report
    },
    call: (request) => inSession(request, 'autocommit', { accept: (answer) => answer }),
    callInTransaction: (request, verdict) => inSession(request, 'lifecycle', verdict),
  }
}

function target(subject: CallSubject, artifact: VerifiedArtifact) {
  return { tenantId: subject.tenant.schema, pluginKey: subject.pluginKey, artifact }
}

const ids = (subject: CallSubject) => ({ tenantId: subject.tenant.schema, pluginKey: subject.pluginKey })

/** `level` is the name of the log's own. */
function logFields({ level, text, ...rest }: LogLine, redactor: Redactor): Record<string, unknown> {
  return { pluginLevel: level, text: redactor.text(text), ...rest }
}

/** Secrets that the plugin asks for during the call are secrets of the call, too. */
function hidingOpened(calls: HostCalls, redactor: Redactor): HostCalls {
  const hiding = ['connections.open', 'secrets.open'].flatMap((name) => {
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

/** The same error without the secrets that the plugin, or a service that it asked, put into its words. */
function redactError(error: unknown, redactor: Redactor): unknown {
  if (error instanceof PluginCallError) {
    return new PluginCallError(String(error.details['plugin']), redactor.value(error.pluginError))
  }
  if (!(error instanceof TenonError) || redactor.text(error.message) === error.message) return error
  return new TenonError(error.code, redactor.value(error.details))
}

/** Publishing is SQL on the plugin's own role: it joins the plugin's transaction, and Postgres checks the name. */
function publishThrough(session: DatabaseSession): HostCalls {
  return {
    'events.publish': async (params) => {
      const { name, payload, transaction } = params as { name: unknown; payload: unknown; transaction?: unknown }
      if (typeof name !== 'string')
        throw new TenonError('VALIDATION_FAILED', { message: 'publish() needs the name of an event.' })
      const bind = [name, JSON.stringify(payload ?? {})]
      const answer = await session.handlers['db.query']({
        sql: 'SELECT tenon_api.publish($1, $2::jsonb)',
        bind,
        ...(typeof transaction === 'string' ? { transaction } : {}),
      })
      const { error } = answer as { error?: { message?: string } }
      if (error)
        throw new TenonError('PERMISSION_DENIED', { plugin: 'The plugin', permission: error.message ?? 'publishing' })
      return null
    },
  }
}
