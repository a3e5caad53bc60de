import {
  TenonError,
  isJsonObject,
  valueAt,
  type ConnectionContribution,
  type ConnectionGrant,
  type JsonObject,
  type OperatorCeiling,
} from '@tenon/contract'
import type { Connection, ConnectionOwner, ConnectionStore } from '../connections/connection-store.js'
import type { OAuthStates } from '../connections/oauth-states.js'
import type { ProofKeys } from '../connections/proof-key.js'
import { expiryOf } from '../connections/refreshing-connections.js'
import { exchangeCode } from '../connections/token-exchange.js'
import type { TenantScope } from '../migrations/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import type { SchemaThreads } from '../secrets/schema-threads.js'
import { reportOf } from './configure.js'
import type { History } from './history.js'
import type { Installation, InstallationStore } from './installation-store.js'
import type { PluginCaller } from './plugin-caller.js'
import { findRunning } from './find-running.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

/** Who connects, and for which plugin. */
export interface ConnectionRequest {
  tenant: TenantScope
  pluginKey: string
  userId: number
  sessionId: string
}

/** S74, S75: a connection as the API shows it; the plugin's manifest says what the details and settings are called. */
export type ConnectionJson = JsonObject & {
  id: number
  contribution_id: string
  account_name: string
  is_active: boolean
  created_at: string
  connected_by: number
}

export interface Connections {
  /** The address at the provider that a person is sent to. */
  start(
    request: ConnectionRequest & { contributionId?: string | undefined; connectionId?: number | undefined },
  ): Promise<{ authorizeUrl: string }>
  /** Finishes the round trip with what the provider sent back. */
  connect(request: ConnectionRequest & { code: string; state: string }): Promise<ConnectionJson>
  list(request: Omit<ConnectionRequest, 'sessionId' | 'userId'>): Promise<ConnectionJson[]>
  /** Keys of the plugins that an organization has connected accounts for. */
  connectedPlugins(tenant: TenantScope): Promise<ReadonlySet<string>>
  update(request: Omit<ConnectionRequest, 'sessionId'> & { id: number; change: JsonObject }): Promise<ConnectionJson>
  disconnect(request: Omit<ConnectionRequest, 'sessionId'> & { id: number }): Promise<void>
}

interface ConnectionsOptions {
  installations: InstallationStore
  connections: ConnectionStore
  states: OAuthStates
  /** For services that take them, as the operator says. */
  proofKeys: ProofKeys
  caller: PluginCaller
  vault: ConfigurationVault
  schemas: Pick<SchemaThreads, 'assertValid'>
  history: History
  ceiling: OperatorCeiling
  /** For the provider's token address; every connection of it is checked. */
  fetch: typeof fetch
  /** Where the web client is; the provider sends people back to `<publicUrl>/plugins/<key>/manage`. */
  publicUrl: string
  log: (event: string, fields: Record<string, unknown>) => void
}

export function createConnections(options: ConnectionsOptions): Connections {
  const { installations, connections, states, history, publicUrl } = options

  /** What is declared and what the operator set up, for one plugin that is installed. */
  async function resolve(tenant: TenantScope, pluginKey: string, contributionId?: string) {
    const installation = await findRunning(installations, tenant, pluginKey)
    const declared = installation.manifest?.contributes?.connections ?? []
    const contribution = contributionId === undefined ? declared[0] : declared.find(({ id }) => id === contributionId)
    const plugin = installation.manifest?.displayName ?? pluginKey
    if (!contribution) throw new TenonError('CONNECTION_NOT_DECLARED', { plugin })
    return { installation, contribution, plugin }
  }

  return {
    async start({ tenant, pluginKey, userId, sessionId, contributionId, connectionId }) {
      const again =
        connectionId === undefined ? undefined : await connections.get(ownerOf(tenant, pluginKey), connectionId)
      const { contribution } = await resolve(tenant, pluginKey, again?.contributionId ?? contributionId)
      const grant = grantOf(options.ceiling, pluginKey, contribution.provider)
      const redirectUri = `${publicUrl}/plugins/${pluginKey}/manage`
      const trip = {
        organizationId: tenant.organizationId,
        userId,
        sessionId,
        pluginKey,
        contributionId: contribution.id,
        redirectUri,
        connectionId,
      }
      const state = await states.issue(trip)
      const authorizeUrl = new URL(grant.authorizeUrl)
      const parameters = {
        response_type: 'code',
        client_id: grant.clientId,
        scope: contribution.scopes.join(grant.scopeSeparator ?? ' '),
        redirect_uri: redirectUri,
        state,
        ...(grant.pkce ? { code_challenge: options.proofKeys.challengeOf(state), code_challenge_method: 'S256' } : {}),
      }
      for (const [name, value] of Object.entries(parameters)) authorizeUrl.searchParams.set(name, value)
      return { authorizeUrl: authorizeUrl.href }
    },

    async connect(request) {
      const { tenant, pluginKey, userId, sessionId, code, state } = request
      const trip = await states.consume(state, { organizationId: tenant.organizationId, userId, sessionId, pluginKey })
      const { installation, contribution, plugin } = await resolve(tenant, pluginKey, trip.contributionId)
      const grant = grantOf(options.ceiling, pluginKey, contribution.provider)
      const { provider } = contribution
      const answer = await exchangeCode({
        provider,
        grant,
        code,
        redirectUri: trip.redirectUri,
        verifier: grant.pkce ? options.proofKeys.verifierOf(state) : undefined,
        fetch: options.fetch,
      })
      const owner = ownerOf(tenant, pluginKey)
      const made = readAnswer(answer, contribution)
      assertRoom(await connections.list(owner), made.account.id, contribution, plugin)
      const again = trip.connectionId === undefined ? undefined : await connections.get(owner, trip.connectionId)
      if (again) assertSameAccount(again, made)
      const fresh = { ...made, connectedBy: userId }
      const saved = again ? await connections.reconnect(owner, again.id, fresh) : await connections.save(owner, fresh)
      await history.record(tenant, {
        pluginKey,
        userId,
        action: again ? 'reconnect' : 'connect',
        outcome: 'done',
        after: { account: saved.account, provider },
      })
      await tellPlugin(installation, contribution, saved, request, plugin)
      return toJson(saved)
    },

    async list({ tenant, pluginKey }) {
      return (await connections.list(ownerOf(tenant, pluginKey))).map(toJson)
    },

    connectedPlugins: async ({ organizationId }) => new Set(await connections.pluginsOf(organizationId)),

    async update({ tenant, pluginKey, userId, id, change }) {
      const owner = ownerOf(tenant, pluginKey)
      const existing = await connections.get(owner, id)
      const { contribution, plugin } = await resolve(tenant, pluginKey, existing.contributionId)
      const { is_active: isActive, ...changed } = change
      if (isActive !== undefined && typeof isActive !== 'boolean') {
        throw new TenonError('VALIDATION_FAILED', { message: 'is_active must be true or false', field: 'is_active' })
      }
      const settings = { ...existing.settings, ...changed }
      assertKnown(settings, contribution, plugin)
      if (contribution.settings)
        await options.schemas.assertValid(settings, contribution.settings, { plugin, tenantId: tenant.schema })
      const updated = await connections.update(owner, id, {
        settings,
        ...(isActive === undefined ? {} : { isActive }),
      })
      await history.record(tenant, {
        pluginKey,
        userId,
        action: 'update-connection',
        outcome: 'done',
        before: { account: existing.account, settings: existing.settings, isActive: existing.isActive },
        after: { settings: updated.settings, isActive: updated.isActive },
      })
      return toJson(updated)
    },

    async disconnect({ tenant, pluginKey, userId, id }) {
      const owner = ownerOf(tenant, pluginKey)
      const { account } = await connections.get(owner, id)
      await connections.remove(owner, id)
      await history.record(tenant, { pluginKey, userId, action: 'disconnect', outcome: 'done', before: { account } })
    },
  }

  /** The plugin's own work after a connection was made, such as joining a channel. Its failure is a warning. */
  async function tellPlugin(
    installation: Installation,
    { onConnect }: ConnectionContribution,
    saved: Connection,
    { tenant, pluginKey, userId }: ConnectionRequest,
    plugin: string,
  ): Promise<void> {
    const subject = subjectOf(tenant, installation)
    const { exports = [], connections: handlers = [] } = reportOf(installation) ?? {}
    if (!onConnect || !subject || ![...exports, ...handlers].includes(onConnect)) return
    try {
      const configuration = options.vault.open(installation.configuration, configurationOwnerOf(tenant, installation))
      const { id, account, details, settings, isActive } = saved
      const event = { id, account, details, settings, isActive }
      await options.caller.call({
        subject,
        userId,
        configuration,
        invocation: { kind: 'event', handler: onConnect, event },
      })
    } catch (error) {
      options.log('connection-hook-failed', {
        pluginKey,
        plugin,
        reason: error instanceof Error ? error.message : String(error),
      })
    }
  }
}

function ownerOf(tenant: TenantScope, pluginKey: string): ConnectionOwner {
  return { organizationId: tenant.organizationId, tenantId: tenant.schema, pluginKey }
}

/** @throws TenonError CONFLICT when the plugin takes one account and another one is connected. */
function assertRoom(
  existing: Connection[],
  accountId: string,
  { id, multiple }: ConnectionContribution,
  plugin: string,
): void {
  const other = existing.find(({ contributionId, account }) => contributionId === id && account.id !== accountId)
  if (multiple || !other) return
  const message = `${plugin} takes one account, and ${other.account.name} is connected. Disconnect it first.`
  throw new TenonError('CONFLICT', { message })
}

/** Who reconnects means the account that was connected: what is routed to it must not go elsewhere unnoticed. */
function assertSameAccount({ account }: Connection, made: Pick<Connection, 'account'>): void {
  if (made.account.id === account.id) return
  const message = `You signed in as ${made.account.name}, but this connection is to ${account.name}. Sign in there, or connect the other account as a new one.`
  throw new TenonError('CONFLICT', { message })
}

/** @throws TenonError CONNECTION_NOT_CONFIGURED with what the operator has to set. */
function grantOf(ceiling: OperatorCeiling, pluginKey: string, provider: string): ConnectionGrant {
  const grant = ceiling.connections?.[pluginKey]
  const missing = !grant
    ? 'the connection'
    : grant.clientId === ''
      ? 'the client id'
      : grant.clientSecret === ''
        ? 'the client secret'
        : undefined
  if (!grant || missing !== undefined) throw new TenonError('CONNECTION_NOT_CONFIGURED', { provider, missing })
  return grant
}

/**
 * Picks from a token response what the manifest points at. Tokens and secrets stay apart from what is shown: whatever the
 * manifest says, nothing that is one of them, or contains one, gets into the account or the details.
 */
function readAnswer(answer: JsonObject, contribution: ConnectionContribution) {
  const { account, details = {}, secrets = {} } = contribution.response ?? {}
  const { provider } = contribution
  const text = (pointer: string): string | undefined => {
    const value = valueAt(answer, pointer)
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  }
  const sealed = pick(secrets, text)
  const hidden = [...tokensIn(answer), ...Object.values(sealed)].filter((secret) => secret !== '')
  const isShown = (value: unknown): value is string | number | boolean =>
    ['string', 'number', 'boolean'].includes(typeof value) && !hidden.some((secret) => holds(String(value), secret))
  const shown = (pointer: string | undefined): string | number | boolean | undefined => {
    const value = pointer === undefined ? undefined : valueAt(answer, pointer)
    return isShown(value) ? value : undefined
  }
  const accountId = String(shown(account?.id) ?? provider)
  const [accessToken, refreshToken] = [text('/access_token'), text('/refresh_token')]
  return {
    contributionId: contribution.id,
    provider,
    account: { id: accountId, name: String(shown(account?.name) ?? accountId) },
    details: pick<unknown>(details, shown),
    settings: defaultsOf(contribution.settings),
    expiresAt: expiryOf(answer),
    tokens: {
      secrets: sealed,
      ...(accessToken === undefined ? {} : { accessToken }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
    },
  }
}

/** Very short secrets hide only what equals them: everything contains them. */
const holds = (text: string, secret: string): boolean => (secret.length < 6 ? text === secret : text.includes(secret))

/** What a map of names to pointers points at; names that point at nothing are left out. */
function pick<Value>(map: Record<string, string>, read: (pointer: string) => Value | undefined): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([name, pointer]) => {
      const value = read(pointer)
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}

/** Everything in a token response that has the name of a token or a secret, however deep: some have one per user. */
function tokensIn(value: unknown, name = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => tokensIn(item, name))
  if (isJsonObject(value)) return Object.entries(value).flatMap(([key, part]) => tokensIn(part, key))
  // `token_type` says "bearer"
  return typeof value === 'string' && /token$|secret|password/i.test(name) ? [value] : []
}

/** The defaults of the top-level properties of a JSON Schema. */
function defaultsOf(schema: JsonObject | undefined): JsonObject {
  const properties = isJsonObject(schema?.['properties']) ? schema['properties'] : {}
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) =>
      isJsonObject(property) && 'default' in property ? [[name, property['default']]] : [],
    ),
  )
}

function assertKnown(settings: JsonObject, { settings: schema }: ConnectionContribution, plugin: string): void {
  const known = isJsonObject(schema?.['properties']) ? Object.keys(schema['properties']) : []
  const unknown = Object.keys(settings).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new TenonError('VALIDATION_FAILED', {
      message: `A connection of ${plugin} has no setting "${unknown}".`,
      field: unknown,
    })
}

function toJson(connection: Connection): ConnectionJson {
  const {
    id,
    contributionId,
    account,
    details,
    settings,
    isActive,
    connectedBy,
    createdAt,
    needsReauthSince,
    problem,
  } = connection
  return {
    ...settings,
    ...details,
    id,
    contribution_id: contributionId,
    account_name: account.name,
    is_active: isActive,
    connected_by: connectedBy,
    created_at: createdAt.toISOString(),
    ...(needsReauthSince ? { needs_reauth: true, needs_reauth_since: needsReauthSince.toISOString() } : {}),
    ...(problem ? { problem: problem.message, problem_since: problem.since.toISOString() } : {}),
  }
}
