import {
  TenonError,
  isJsonObject,
  knownErrorOf,
  permissionIds,
  type ConnectionView,
  type OperatorCeiling,
} from '@tenon/contract'
import type { Connection, ConnectionOwner, ConnectionTokens } from '../connections/connection-store.js'
import type { RefreshingConnections } from '../connections/refreshing-connections.js'
import type { EgressFetch } from '../egress/index.js'
import { storableText } from '../migrations/sql-text.js'
import type { HostCalls } from '../runtime/index.js'
import type { Sealer } from '../secrets/sealer.js'
import type { UploadStore } from '../uploads/index.js'
import type { PermissionMeter } from './permission-meter.js'
import { jsonOf } from './json-of.js'
import type { CallSubject } from './plugin-caller.js'

/** Of what a plugin says about a connection; it is one sentence or two. */
const maxProblemCharacters = 500

interface HostCallsOptions {
  connections: RefreshingConnections
  sealer: Sealer
  ceiling: OperatorCeiling
  fetch: EgressFetch
  meter: PermissionMeter
  uploads: Pick<UploadStore, 'read'>
  log: (event: string, fields: Record<string, unknown>) => void
}

/**
 * What a plugin may ask of the host besides its database. Each function is bound to one tenant and one plugin here;
 * nothing in what the plugin sends can name another.
 */
export function createHostCalls({
  connections,
  sealer,
  ceiling,
  fetch,
  meter,
  uploads,
  log,
}: HostCallsOptions): (subject: CallSubject) => HostCalls {
  /** Of what the host itself could not do, a plugin learns no words: they may be of its database. */
  const withoutWords = (calls: HostCalls, { pluginKey, tenant }: CallSubject): HostCalls =>
    Object.fromEntries(
      Object.entries(calls).map(([name, call]) => [
        name,
        async (params: unknown) => {
          try {
            return await call(params)
          } catch (error) {
            if (error instanceof TenonError) throw error
            log('host-call-failed', { pluginKey, organizationId: tenant.organizationId, call: name, err: error })
            throw knownErrorOf(error, 'in the log')
          }
        },
      ]),
    )

  return (subject) => {
    const { tenant, pluginKey, manifest } = subject
    const owner: ConnectionOwner = { organizationId: tenant.organizationId, tenantId: tenant.schema, pluginKey }
    const isGranted = (contributionId: string) =>
      manifest.contributes?.connections.some(({ id }) => id === contributionId) ?? false
    /** Counts the use of a connection. @throws TenonError CONNECTION_NOT_FOUND, PERMISSION_DENIED when it was not granted */
    const use = async (id: number): Promise<Connection> => {
      const connection = await connections.get(owner, id)
      const permission = permissionIds.connection(connection.contributionId)
      if (!isGranted(connection.contributionId)) {
        meter.refused(subject, permission)
        throw new TenonError('PERMISSION_DENIED', { plugin: manifest.displayName, permission })
      }
      meter.used(subject, permission)
      return connection
    }
    /** @throws TenonError CONNECTION_SWITCHED_OFF and what {@link use} throws */
    const open = async (id: number) => {
      const { isActive, account } = await use(id)
      if (!isActive)
        throw new TenonError('CONNECTION_SWITCHED_OFF', { account: account.name, plugin: manifest.displayName })
      return connections.open(owner, id)
    }
    /** @throws TenonError PERMISSION_DENIED when the address is not one that the operator named for the token. */
    const assertAudience = (url: string) => {
      const target = URL.canParse(url) ? new URL(url) : undefined
      const audience = ceiling.connections?.[pluginKey]?.audience ?? []
      if (target?.protocol === 'https:' && audience.includes(target.hostname)) return
      const permission = `sending a token to ${target?.hostname ?? 'something that is no address'}`
      meter.refused(subject, permission)
      throw new TenonError('PERMISSION_DENIED', { plugin: manifest.displayName, permission })
    }
    const sealContext = { tenantId: tenant.schema, pluginKey, field: 'stored by the plugin' }
    const calls: HostCalls = {
      'secrets.seal': async (params) => sealer.seal(jsonOf(field(params, 'value') ?? null), sealContext),
      'secrets.open': async (params) => JSON.parse(sealer.open(textField(params, 'sealed'), sealContext)) as unknown,
      'uploads.read': async (params) =>
        (await uploads.read(owner, textField(params, 'id'), idField(params, 'position'))) ?? null,
      'connections.list': async (): Promise<ConnectionView[]> =>
        (await connections.list(owner))
          .filter(({ contributionId }) => isGranted(contributionId))
          .map(({ id, account, details, settings, isActive, problem }) => ({
            id,
            account,
            details,
            settings,
            isActive,
            ...(problem ? { problem: problem.message } : {}),
          })),
      'connections.secrets': async (params) => (await open(idField(params, 'id'))).secrets,
      'connections.open': async (params) => open(idField(params, 'id')),
      'connections.report': async (params) => {
        const id = idField(params, 'id')
        await use(id)
        await connections.report(owner, id, problemField(params))
      },
      'connections.fetch': async (params) => {
        const url = textField(params, 'url')
        assertAudience(url)
        const id = idField(params, 'connection')
        const tokens = await open(id)
        const body = field(params, 'body')
        const send = ({ accessToken = '' }: ConnectionTokens) =>
          fetch(url, {
            method: textField(params, 'method'),
            headers: { ...stringRecord(field(params, 'headers')), authorization: `Bearer ${accessToken}` },
            // The token must not follow a redirect to another place.
            maxRedirects: 0,
            ...(body instanceof Uint8Array ? { body } : {}),
          })
        const first = await send(tokens)
        // A service may end a token early; with another one it takes the same request.
        const renewed = first.status === 401 ? await connections.renew(owner, id, tokens) : tokens
        const response = renewed.accessToken === tokens.accessToken ? first : await send(renewed)
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: new Uint8Array(await response.arrayBuffer()),
        }
      },
    }
    return withoutWords(calls, subject)
  }
}

function field(params: unknown, name: string): unknown {
  return isJsonObject(params) ? params[name] : undefined
}

function textField(params: unknown, name: string): string {
  const value = field(params, name)
  if (typeof value !== 'string') throw new TenonError('VALIDATION_FAILED', { message: `${name} must be text` })
  return value
}

/** Null when there is none. */
function problemField(params: unknown): string | null {
  if (field(params, 'problem') === null) return null
  const problem = storableText(textField(params, 'problem').slice(0, maxProblemCharacters)).trim()
  if (problem === '') throw new TenonError('VALIDATION_FAILED', { message: 'problem must say something, or be null' })
  return problem
}

function idField(params: unknown, name: string): number {
  const value = field(params, name)
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new TenonError('VALIDATION_FAILED', { message: `${name} must be an id` })
  return value
}

function stringRecord(value: unknown): Record<string, string> {
  if (!isJsonObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
