import { TenonError, isJsonObject, type ConnectionView, type OperatorCeiling } from '@tenon/contract'
import type { ConnectionOwner, ConnectionStore } from '../connections/connection-store.js'
import type { EgressFetch } from '../egress/index.js'
import type { HostCalls } from '../runtime/index.js'
import type { Sealer } from '../secrets/sealer.js'
import type { CallSubject } from './plugin-caller.js'

interface HostCallsOptions {
  connections: ConnectionStore
  sealer: Sealer
  ceiling: OperatorCeiling
  fetch: EgressFetch
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
}: HostCallsOptions): (subject: CallSubject) => HostCalls {
  return ({ tenant, pluginKey, manifest }) => {
    const owner: ConnectionOwner = { organizationId: tenant.organizationId, tenantId: tenant.schema, pluginKey }
    const sealContext = { tenantId: tenant.schema, pluginKey, field: 'stored by the plugin' }
    return {
      'secrets.seal': async (params) => sealer.seal(JSON.stringify(field(params, 'value') ?? null), sealContext),
      'secrets.open': async (params) => JSON.parse(sealer.open(textField(params, 'sealed'), sealContext)) as unknown,
      'connections.list': async (): Promise<ConnectionView[]> =>
        (await connections.list(owner)).map(({ id, account, details, settings, isActive }) => ({
          id,
          account,
          details,
          settings,
          isActive,
        })),
      'connections.open': async (params) => connections.open(owner, idField(params, 'id')),
      'connections.fetch': async (params) => {
        const url = textField(params, 'url')
        assertAudience(url, ceiling.connections?.[pluginKey]?.audience ?? [], manifest.displayName)
        const { accessToken } = await connections.open(owner, idField(params, 'connection'))
        const headers = { ...stringRecord(field(params, 'headers')), authorization: `Bearer ${accessToken ?? ''}` }
        const body = field(params, 'body')
        // The token must not follow a redirect to another place.
        const response = await fetch(url, {
          method: textField(params, 'method'),
          headers,
          maxRedirects: 0,
          ...(body instanceof Uint8Array ? { body } : {}),
        })
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: new Uint8Array(await response.arrayBuffer()),
        }
      },
    }
  }
}

/** @throws TenonError PERMISSION_DENIED when the address is not one that the operator named for the token. */
function assertAudience(url: string, audience: readonly string[], plugin: string): void {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target?.protocol === 'https:' && audience.includes(target.hostname)) return
  throw new TenonError('PERMISSION_DENIED', {
    plugin,
    permission: `sending a token to ${target?.hostname ?? 'something that is no address'}`,
  })
}

function field(params: unknown, name: string): unknown {
  return isJsonObject(params) ? params[name] : undefined
}

function textField(params: unknown, name: string): string {
  const value = field(params, name)
  if (typeof value !== 'string') throw new TenonError('VALIDATION_FAILED', { message: `${name} must be text` })
  return value
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
