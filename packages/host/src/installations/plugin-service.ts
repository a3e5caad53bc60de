import { setTimeout as sleep } from 'node:timers/promises'
import {
  NotFoundException,
  TenonError,
  ValidationException,
  admit,
  askedPermissions,
  tenonVersion,
  type CatalogEntry,
  type JsonObject,
  type OperatorCeiling,
  type Plugin,
  type PluginCategoryInfo,
  type PluginInstallationJson,
  type TestConnectionResult,
} from '@tenon/contract'
import type { Artifacts, Icon } from '../artifacts/index.js'
import { engineRefusals, type Catalog } from '../catalog/index.js'
import type { TenantScope } from '../migrations/index.js'
import type { Blocks } from '../operator/blocks.js'
import type { Configuration, ConfigurationVault } from '../secrets/configuration-vault.js'
import type { Configure } from './configure.js'
import type { Shown } from './consent.js'
import type { ConnectionJson, Connections } from './connections.js'
import type { InstallPlugin } from './install.js'
import type { Installation, InstallationStore } from './installation-store.js'
import { toInstallationJson } from './installation-json.js'
import type { CallRoute, RouteRequest } from './route-request.js'
import { findRunning } from './find-running.js'
import { createSeedNames, type SeedNames } from './seed-names.js'
import type { SwitchPlugin } from './switch-plugin.js'
import type { DataChoice, Uninstall } from './uninstall.js'
import { releasesOf } from './releases.js'
import type { Update, UpdatePlanJson } from './update.js'

/**
 * Everything the host does for a tenant, by the names of the seed (S28 to S44). `tenantId` is the name of the tenant's
 * schema; the caller answers for who may do what.
 *
 * @since 0.1.0
 */
export interface PluginService extends SeedNames {
  /** S28 @throws TenonError MARKETPLACE_UNREACHABLE */
  getAllPlugins(category?: string): Plugin[]
  /** S29 */
  getPluginByKey(pluginKey: string): Plugin | null
  /** S30 */
  searchPlugins(query: string): Plugin[]
  /** S10: an image of at most 256 kB, fetched by the host. @throws TenonError PLUGIN_NOT_FOUND, ICON_NOT_FOUND */
  getPluginIcon(pluginKey: string): Promise<Icon>
  /**
   * S31. `granted`: ids of the permissions that are granted; all when absent. `shown`: what was agreed to.
   * @throws TenonError CONSENT_OUTDATED, PLUGIN_BLOCKED, PLUGIN_NOT_FOUND, PLUGIN_NOT_INSTALLABLE, ALREADY_INSTALLED, INSTALLATION_BUSY, and what fails on the way
   */
  installPlugin(pluginKey: string, userId: number, tenantId: string, options?: Consent): Promise<PluginInstallationJson>
  /** The same, waited for so many milliseconds; then it goes on as a run. */
  startInstall(
    pluginKey: string,
    userId: number,
    tenantId: string,
    options: Consent & { waitMs: number },
  ): Promise<{ installation: PluginInstallationJson } | { runId: string }>
  /** S32 @throws TenonError INSTALLATION_NOT_FOUND, INSTALLATION_BUSY */
  uninstallPlugin(
    installationId: number,
    userId: number,
    tenantId: string,
    options?: { data?: DataChoice },
  ): Promise<void>
  /** S33 */
  getInstalledPlugins(tenantId: string): Promise<PluginInstallationJson[]>
  /** S34 */
  getCategories(): PluginCategoryInfo[]
  /** S35. `revision`: of what was seen. @throws TenonError CONFIGURATION_OUTDATED, CONFIGURATION_INVALID, PLUGIN_REFUSED */
  updateConfiguration(
    installationId: number,
    userId: number,
    tenantId: string,
    configuration: Configuration,
    options?: { force?: boolean; revision?: string | undefined },
  ): Promise<PluginInstallationJson>
  /** S36 @throws TenonError PLUGIN_NOT_INSTALLED; a failed test is an answer */
  testConnection(
    pluginKey: string,
    configuration: Configuration,
    context: { userId: number; tenantId: string },
  ): Promise<TestConnectionResult>
  /** Begins an OAuth round trip; `connectOAuthWorkspace` ends it. */
  startOAuth(
    pluginKey: string,
    userId: number,
    tenantId: string,
    sessionId: string,
    contributionId?: string,
    connectionId?: number,
  ): Promise<{ authorizeUrl: string }>
  /** S37 @throws TenonError OAUTH_STATE_INVALID, OAUTH_EXCHANGE_FAILED */
  connectOAuthWorkspace(
    pluginKey: string,
    code: string,
    userId: number,
    tenantId: string,
    roundTrip: { state: string; sessionId: string },
  ): Promise<ConnectionJson>
  /** S38 */
  getOAuthWorkspaces(pluginKey: string, userId: number, tenantId: string): Promise<ConnectionJson[]>
  /** S39 */
  updateOAuthWorkspace(
    pluginKey: string,
    webhookId: number,
    userId: number,
    tenantId: string,
    data: JsonObject,
  ): Promise<ConnectionJson>
  /** S40 */
  disconnectOAuthWorkspace(pluginKey: string, webhookId: number, userId: number, tenantId: string): Promise<void>
  /** What an update to the newest version, or to another published one, would change. */
  planUpdate(installationId: number, tenantId: string, version?: string): Promise<UpdatePlanJson>
  /**
   * Brings an installation to another version; the one that was there stays when anything goes wrong.
   * @throws TenonError CONSENT_NEEDED when it asks for more than before and `granted` is absent, CONSENT_OUTDATED
   */
  updatePlugin(
    installationId: number,
    userId: number,
    tenantId: string,
    options?: Consent & { version?: string | undefined },
  ): Promise<PluginInstallationJson>
  /** Brings back the version before the last update. @throws TenonError NO_PREVIOUS_VERSION */
  rollBackPlugin(installationId: number, userId: number, tenantId: string): Promise<PluginInstallationJson>
  /** Stops a plugin without removing anything of it, or lets it work again. */
  setEnabled(
    installationId: number,
    userId: number,
    tenantId: string,
    enabled: boolean,
  ): Promise<PluginInstallationJson>
  /** Calls a route of an installed plugin. */
  callRoute(tenantId: string, request: Omit<RouteRequest, 'tenant'>): ReturnType<CallRoute>
}

/** What an admin agrees to. */
interface Consent {
  /** Ids of the permissions that are granted. */
  granted?: readonly string[] | undefined
  /** What the admin was shown: with anything else nothing is begun. */
  shown?: Shown | undefined
}

interface PluginServiceOptions {
  catalog: Catalog
  artifacts: Pick<Artifacts, 'icon'>
  store: InstallationStore
  vault: ConfigurationVault
  ceiling: OperatorCeiling
  blocks: Pick<Blocks, 'find'>
  /** @throws TenonError NOT_FOUND for a schema that is no tenant's. */
  tenantOf: (tenantId: string) => Promise<TenantScope>
  install: InstallPlugin
  uninstall: Uninstall
  configure: Configure
  connections: Connections
  callRoute: CallRoute
  switchPlugin: SwitchPlugin
  update: Update
}

export function createPluginService(engines: PluginServiceOptions): PluginService {
  const { catalog, store, vault, tenantOf, connections } = engines

  const json = (tenant: TenantScope, installation: Installation): PluginInstallationJson =>
    toInstallationJson(installation, { tenant, vault, entry: findEntry(catalog, installation.pluginKey) })
  const call: PluginService['callRoute'] = async (tenantId, request) =>
    engines.callRoute({ ...request, tenant: await tenantOf(tenantId) })

  return {
    ...createSeedNames((tenantId, request) => call(tenantId, { ...request, userId: 0, role: 'host' })),
    getAllPlugins: (category) =>
      catalog.list(category === undefined ? {} : { category }).map((entry) => toPlugin(entry, engines)),
    getPluginByKey: (pluginKey) => {
      const entry = catalog.get(requireKey(pluginKey))
      if (!entry) return null
      return { ...toPlugin(entry, engines), asks: askedPermissions(entry), releases: releasesOf(entry) }
    },
    searchPlugins: (query) => catalog.search(query).map((entry) => toPlugin(entry, engines)),
    getCategories: () => catalog.categories(),
    async getPluginIcon(pluginKey) {
      const entry = catalog.get(requireKey(pluginKey))
      if (!entry) throw new TenonError('PLUGIN_NOT_FOUND')
      const icon = await engines.artifacts.icon(entry)
      if (!icon) throw new TenonError('ICON_NOT_FOUND', { plugin: entry.displayName })
      return icon
    },

    async installPlugin(pluginKey, userId, tenantId, consent = {}) {
      const tenant = await tenantOf(tenantId)
      return json(tenant, await engines.install({ tenant, pluginKey: requireKey(pluginKey), userId, ...consent }))
    },
    async startInstall(pluginKey, userId, tenantId, { waitMs, ...consent }) {
      const tenant = await tenantOf(tenantId)
      const over = new AbortController()
      return new Promise((resolve, reject) => {
        const onRun = (runId: string) =>
          void sleep(waitMs, undefined, { signal: over.signal }).then(
            () => resolve({ runId }),
            () => undefined,
          )
        engines
          .install({ tenant, pluginKey: requireKey(pluginKey), userId, ...consent, onRun })
          .then((installation) => resolve({ installation: json(tenant, installation) }), reject)
          .finally(() => over.abort())
      })
    },
    async uninstallPlugin(installationId, userId, tenantId, { data = 'erase' } = {}) {
      const tenant = await tenantOf(tenantId)
      await engines.uninstall.uninstall({ tenant, id: requireId(installationId), userId, data })
    },
    async getInstalledPlugins(tenantId) {
      const tenant = await tenantOf(tenantId)
      const installations = await store.list(tenant)
      const connects = ({ manifest }: Installation) => Boolean(manifest?.contributes?.connections.length)
      const connected = installations.some(connects) ? await connections.connectedPlugins(tenant) : undefined
      return installations.map((installation) => ({
        ...json(tenant, installation),
        ...(connects(installation) ? { connected: connected?.has(installation.pluginKey) ?? false } : {}),
      }))
    },
    async updateConfiguration(installationId, userId, tenantId, configuration, options = {}) {
      const tenant = await tenantOf(tenantId)
      return json(
        tenant,
        await engines.configure.configure({ tenant, id: requireId(installationId), userId, configuration, ...options }),
      )
    },
    async testConnection(pluginKey, configuration, { userId, tenantId }) {
      const tenant = await tenantOf(tenantId)
      const installation = await findRunning(store, tenant, requireKey(pluginKey))
      return engines.configure.testConnection({ tenant, installation, userId, configuration })
    },

    startOAuth: async (pluginKey, userId, tenantId, sessionId, contributionId, connectionId) =>
      connections.start({
        tenant: await tenantOf(tenantId),
        pluginKey,
        userId,
        sessionId,
        contributionId,
        connectionId,
      }),
    connectOAuthWorkspace: async (pluginKey, code, userId, tenantId, { state, sessionId }) =>
      connections.connect({ tenant: await tenantOf(tenantId), pluginKey, userId, sessionId, code, state }),
    getOAuthWorkspaces: async (pluginKey, _userId, tenantId) =>
      connections.list({ tenant: await tenantOf(tenantId), pluginKey }),
    updateOAuthWorkspace: async (pluginKey, webhookId, userId, tenantId, data) =>
      connections.update({
        tenant: await tenantOf(tenantId),
        pluginKey,
        userId,
        id: requireId(webhookId),
        change: data,
      }),
    disconnectOAuthWorkspace: async (pluginKey, webhookId, userId, tenantId) =>
      connections.disconnect({ tenant: await tenantOf(tenantId), pluginKey, userId, id: requireId(webhookId) }),

    planUpdate: async (installationId, tenantId, version) =>
      engines.update.plan({ tenant: await tenantOf(tenantId), id: requireId(installationId), version }),
    async updatePlugin(installationId, userId, tenantId, options = {}) {
      const tenant = await tenantOf(tenantId)
      return json(tenant, await engines.update.update({ tenant, id: requireId(installationId), userId, ...options }))
    },
    async rollBackPlugin(installationId, userId, tenantId) {
      const tenant = await tenantOf(tenantId)
      return json(tenant, await engines.update.rollBack({ tenant, id: requireId(installationId), userId }))
    },
    async setEnabled(installationId, userId, tenantId, enabled) {
      const tenant = await tenantOf(tenantId)
      return json(tenant, await engines.switchPlugin({ tenant, id: requireId(installationId), userId, enabled }))
    },
    callRoute: call,
  }
}

/** The marketplace may be away; what is installed is listed all the same (D-12). */
function findEntry(catalog: Catalog, pluginKey: string): CatalogEntry | undefined {
  try {
    return catalog.get(pluginKey)
  } catch (error) {
    if (error instanceof TenonError) return undefined
    throw error
  }
}

function toPlugin(entry: CatalogEntry, { ceiling, blocks }: Pick<PluginServiceOptions, 'ceiling' | 'blocks'>): Plugin {
  const block = blocks.find({ pluginKey: entry.key, digest: entry.artifact?.sha256 })
  const refusals = [
    ...(block ? [`is blocked by the operator: ${block.reason}`] : []),
    ...admit(entry, ceiling).refusals,
    ...engineRefusals(entry, tenonVersion),
  ]
  // What is new in its versions is for who looks at one plugin; a list of thousands would carry it for nobody.
  const { releases: _releases, ...shown } = entry
  return {
    ...shown,
    installable: refusals.length === 0,
    ...(refusals.length > 0 ? { refusals } : {}),
    ...(block ? { blocked: { reason: block.reason, at: block.blockedAt } } : {}),
  }
}

/** S27 */
function requireKey(pluginKey: string): string {
  const key = pluginKey.trim()
  if (key === '') throw new ValidationException('Plugin key is required', 'plugin_key', pluginKey)
  return key
}

/** S27 */
function requireId(id: number): number {
  if (!Number.isInteger(id) || id < 1) {
    throw new ValidationException('Valid installation ID is required (must be >= 1)', 'id', id)
  }
  return id
}

/** Looks tenants up by the name of their schema, and remembers them: the pair never changes. */
export function createTenantLookup(find: (schema: string) => Promise<TenantScope | undefined>) {
  const known = new Map<string, TenantScope>()
  return {
    async tenantOf(tenantId: string): Promise<TenantScope> {
      const tenant = known.get(tenantId) ?? (await find(tenantId))
      if (!tenant) throw new NotFoundException('Valid tenant ID is required', 'tenant', tenantId)
      known.set(tenantId, tenant)
      return tenant
    },
    forget: (tenantId: string) => void known.delete(tenantId),
  }
}
