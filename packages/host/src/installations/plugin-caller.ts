import { TenonError, type CatalogEntry, type VerifiedArtifact } from '@tenon/contract'
import type { PluginInvocation, PluginReport } from '@tenon/contract/wire'
import type { Artifacts } from '../artifacts/index.js'
import type { TenantScope } from '../migrations/index.js'
import type { HostCalls, NetworkPolicy, Runtime } from '../runtime/index.js'
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
        host: { ...session.handlers, ...hostCalls(subject), ...publishThrough(session) },
        onLog: (line) => log('plugin-log', { ...ids(subject), ...line }),
        ...(signal ? { signal } : {}),
      })
      const result = await accept(answer, session)
      if (mode === 'lifecycle') await session.commit()
      return result
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
