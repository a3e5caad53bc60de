import {
  PluginInstallationStatus as Status,
  TenonError,
  roleAllows,
  type CatalogEntry,
  type OperatorCeiling,
  type PluginRequestJson,
  type Principal,
} from '@tenon/contract'
import type { Catalog } from '../catalog/index.js'
import type { TenantScope } from '../migrations/index.js'
import { assertNotBlocked, type Blocks } from '../operator/blocks.js'
import type { History } from './history.js'
import { assertInstallable } from './install.js'
import type { PluginRequest, RequestFilter, RequestStore } from './request-store.js'

type Asker = Pick<Principal, 'userId' | 'role'>

/** People ask for plugins that they may not install, and admins answer. */
export interface PluginRequests {
  /** Of the whole organization for an admin, for everybody else their own. */
  list(
    tenant: TenantScope,
    filter: Omit<RequestFilter, 'requestedBy'>,
    asker: Asker,
  ): Promise<{ items: PluginRequestJson[]; total: number }>
  /**
   * Asks; once more while the request is open changes nothing but its note.
   * @throws TenonError PLUGIN_NOT_FOUND, PLUGIN_BLOCKED, PLUGIN_NOT_INSTALLABLE, ALREADY_INSTALLED, PLUGIN_DISABLED,
   *   REQUEST_LIMIT
   */
  ask(
    tenant: TenantScope,
    request: { pluginKey: string; note?: string | undefined },
    asker: Asker,
  ): Promise<PluginRequestJson>
  /** @throws TenonError REQUEST_NOT_FOUND, REQUEST_OVER */
  decline(tenant: TenantScope, id: number, reason: string | undefined, userId: number): Promise<PluginRequestJson>
  /** By whoever asked, and nobody else. @throws TenonError REQUEST_NOT_FOUND, REQUEST_OVER */
  withdraw(tenant: TenantScope, id: number, userId: number): Promise<PluginRequestJson>
}

interface PluginRequestsOptions {
  requests: RequestStore
  catalog: Pick<Catalog, 'get'>
  blocks: Pick<Blocks, 'find'>
  ceiling: OperatorCeiling
  history: History
}

export function createPluginRequests({
  requests,
  catalog,
  blocks,
  ceiling,
  history,
}: PluginRequestsOptions): PluginRequests {
  /** What was written stays out of it: the audit outlives the request and its organization. */
  const note = (tenant: TenantScope, { id, pluginKey }: PluginRequest, action: string, userId: number) =>
    history.record(tenant, { pluginKey, userId, action, outcome: 'done', after: { requestId: id } })
  const json = (request: PluginRequest) => toJson(request, nameOf(catalog, request.pluginKey))

  /** @throws TenonError for a plugin that an admin could not install either */
  function findWanted(pluginKey: string): CatalogEntry {
    const entry = catalog.get(pluginKey)
    if (!entry) throw new TenonError('PLUGIN_NOT_FOUND', { pluginKey })
    assertNotBlocked(blocks, { plugin: entry.displayName, pluginKey, digest: entry.artifact?.sha256 })
    assertInstallable(entry, ceiling)
    return entry
  }

  return {
    async list(tenant, filter, { userId, role }) {
      const requestedBy = roleAllows(role, 'Admin') ? undefined : userId
      const { items, total } = await requests.list(tenant, { ...filter, requestedBy })
      return { items: items.map(json), total }
    },
    async ask(tenant, { pluginKey, note: text }, { userId }) {
      const plugin = findWanted(pluginKey).displayName
      const { request, isNew } = await requests.add(tenant, { pluginKey, userId, note: text }, (status) => {
        if (status === Status.INSTALLED || status === Status.UPDATING)
          throw new TenonError('ALREADY_INSTALLED', { plugin })
        if (status === Status.DISABLED) throw new TenonError('PLUGIN_DISABLED', { plugin })
      })
      if (isNew) await note(tenant, request, 'request-plugin', userId)
      return json(request)
    },
    async decline(tenant, id, reason, userId) {
      const ended = await requests.end(tenant, id, { state: 'declined', userId, reason })
      if (!ended) throw overOrMissing(await requests.find(tenant, id))
      await note(tenant, ended, 'decline-request', userId)
      return json(ended)
    },
    async withdraw(tenant, id, userId) {
      const found = await requests.find(tenant, id)
      if (found?.requestedBy !== userId) throw overOrMissing(undefined)
      const ended = await requests.end(tenant, id, { state: 'withdrawn', userId })
      if (!ended) throw overOrMissing(await requests.find(tenant, id))
      await note(tenant, ended, 'withdraw-request', userId)
      return json(ended)
    },
  }
}

const overOrMissing = (request: PluginRequest | undefined): TenonError =>
  request ? new TenonError('REQUEST_OVER', { state: request.state }) : new TenonError('REQUEST_NOT_FOUND')

/** The marketplace may be away, or no longer have it; what was asked for is listed all the same. */
function nameOf(catalog: Pick<Catalog, 'get'>, pluginKey: string): string {
  try {
    return catalog.get(pluginKey)?.displayName ?? pluginKey
  } catch (error) {
    if (error instanceof TenonError) return pluginKey
    throw error
  }
}

function toJson({ requestedAt, endedAt, ...request }: PluginRequest, plugin: string): PluginRequestJson {
  return {
    ...request,
    plugin,
    requestedAt: requestedAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  }
}
