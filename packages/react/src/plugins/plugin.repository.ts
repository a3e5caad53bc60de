import { request, requestWork, type Work } from '../api/request.js'
import type { ConnectionTest, Plugin, PluginCategoryInfo, PluginInstallation, Workspace } from './types.js'

/**
 * S98 to S110: the functions through which a client reaches the plugins of its organization, by the names and with the
 * arguments of the seed.
 */

interface Cancellable {
  signal?: AbortSignal
  /** Kept for code that was written for the seed; the only value is "json". */
  responseType?: string
}

/**
 * S98: the plugins of the marketplace, all of them or those of a category.
 *
 * @example const plugins = await getAllPlugins({ category: 'security', signal: AbortSignal.timeout(5_000) })
 * @throws ApiError
 * @since 0.1.0
 */
export async function getAllPlugins({ category, signal }: { category?: string } & Cancellable): Promise<Plugin[]> {
  return request('/plugins/marketplace', { query: { category }, signal })
}

/**
 * S99: one plugin of the marketplace, with what it asks for in sentences.
 *
 * @example const { displayName, asks } = await getPluginByKey({ key: pluginKey })
 * @throws ApiError
 * @since 0.1.0
 */
export async function getPluginByKey({ key, signal }: { key: string } & Cancellable): Promise<Plugin> {
  return request(`/plugins/marketplace/${encodeURIComponent(key)}`, { signal })
}

/**
 * S100: the plugins of the marketplace in whose name, description or tags the words are.
 *
 * @example const found = await searchPlugins({ query: 'model registry' })
 * @throws ApiError
 * @since 0.1.0
 */
export async function searchPlugins({ query, signal }: { query: string } & Cancellable): Promise<Plugin[]> {
  return request('/plugins/marketplace/search', { query: { q: query }, signal })
}

/** What a person was shown of a plugin: with anything else nothing is begun. */
export interface ShownPlugin {
  version: string
  /** SHA-256 of its code, where that is known. */
  digest?: string | undefined
  /** Ids of all that it asks for; null for a plugin that declares nothing. */
  permissions: string[] | null
}

/** What is agreed to. */
export interface InstallConsent {
  /** Ids of the permissions that are granted; all that it asks for when absent. */
  permissions?: string[]
  /** What was shown; refused with 409 `CONSENT_OUTDATED` when the plugin is another one by now. */
  shown?: ShownPlugin
}

/**
 * S101: installs a plugin, and answers when it is installed. `permissions` are the ids of those that are granted, all
 * that it asks for when absent; with `shown` nothing else is installed than what a person saw.
 *
 * @example const { id, status } = await installPlugin({ pluginKey, permissions: [] })
 * @throws ApiError
 * @since 0.1.0
 */
export async function installPlugin({
  pluginKey,
  permissions,
  shown,
}: { pluginKey: string } & InstallConsent): Promise<PluginInstallation> {
  return request('/plugins/install', { method: 'POST', body: { pluginKey, permissions, shown } })
}

/** Begins what S101 does, as a run with steps that can be followed. @throws ApiError */
export async function startInstall({
  pluginKey,
  permissions,
  shown,
}: { pluginKey: string } & InstallConsent): Promise<Work<PluginInstallation>> {
  return requestWork('/plugins/install', { method: 'POST', body: { pluginKey, permissions, shown } })
}

/**
 * S102: removes a plugin, and answers the sentence that says so. `data: 'keep'` leaves the plugin's tables for a later
 * installation; otherwise they are erased.
 *
 * @example await uninstallPlugin({ installationId: installation.id, data: 'keep' })
 * @throws ApiError
 * @since 0.1.0
 */
export async function uninstallPlugin({
  installationId,
  data,
}: {
  installationId: number
  data?: 'keep' | 'erase'
}): Promise<string> {
  return request(`/plugins/installations/${installationId}`, { method: 'DELETE', query: { data } })
}

/**
 * S103: what the organization has installed, secrets masked.
 *
 * @example const installations = await getInstalledPlugins()
 * @throws ApiError
 * @since 0.1.0
 */
export async function getInstalledPlugins({ signal }: Cancellable = {}): Promise<PluginInstallation[]> {
  return request('/plugins/installations', { signal })
}

/**
 * S104: the categories of the marketplace.
 *
 * @example const categories = await getCategories()
 * @throws ApiError
 * @since 0.1.0
 */
export async function getCategories({ signal }: Cancellable = {}): Promise<PluginCategoryInfo[]> {
  return request('/plugins/categories', { signal })
}

/**
 * S105: checks a configuration and saves it; a refused one throws an error whose `problems` say what is wrong with which
 * field. `force` saves although the connection test fails; with `revision`, the `configurationRevision` of what was seen,
 * nothing is overwritten that somebody else has saved since.
 *
 * @example await updatePluginConfiguration({ installationId: installation.id, configuration: { timeout: 30 } })
 * @throws ApiError
 * @since 0.1.0
 */
export async function updatePluginConfiguration({
  installationId,
  configuration,
  force,
  revision,
}: {
  installationId: number
  configuration: Record<string, unknown>
  force?: boolean
  revision?: string | undefined
}): Promise<PluginInstallation> {
  const query = force ? { force: true } : {}
  return request(`/plugins/installations/${installationId}/configuration`, {
    method: 'PUT',
    body: { configuration, revision },
    query,
  })
}

/**
 * S106: tries a configuration without saving it. A test that fails is an answer, not an error.
 *
 * @example const { success, message } = await testPluginConnection({ pluginKey, configuration: { timeout: 30 } })
 * @throws ApiError
 * @since 0.1.0
 */
export async function testPluginConnection({
  pluginKey,
  configuration,
}: {
  pluginKey: string
  configuration: Record<string, unknown>
}): Promise<ConnectionTest> {
  return request(`/plugins/${encodeURIComponent(pluginKey)}/test-connection`, {
    method: 'POST',
    body: { configuration },
  })
}

/**
 * S107: finishes what {@link startOAuth} began, with the code and the state with which the service sent the person back.
 *
 * @example await connectOAuthWorkspace({ pluginKey, code: 'from the address', state: 'from the address' })
 * @throws ApiError
 * @since 0.1.0
 */
export async function connectOAuthWorkspace({
  pluginKey,
  code,
  state,
}: {
  pluginKey: string
  code: string
  state?: string
}): Promise<Workspace> {
  return request(`/plugins/${encodeURIComponent(pluginKey)}/oauth/connect`, { method: 'POST', body: { code, state } })
}

/**
 * S108: the accounts that the organization has connected for a plugin.
 *
 * @example const workspaces = await getOAuthWorkspaces({ pluginKey })
 * @throws ApiError
 * @since 0.1.0
 */
export async function getOAuthWorkspaces({
  pluginKey,
  signal,
}: {
  pluginKey: string
  signal?: AbortSignal
}): Promise<Workspace[]> {
  return request(`/plugins/${encodeURIComponent(pluginKey)}/oauth/workspaces`, { signal })
}

/**
 * S109: changes a connected account: whether it is used, what it is told about, and whatever else the plugin declares as
 * its settings.
 *
 * @example await updateOAuthWorkspace({ pluginKey, webhookId: 5, is_active: false })
 * @throws ApiError
 * @since 0.1.0
 */
export async function updateOAuthWorkspace({
  pluginKey,
  webhookId,
  ...change
}: {
  pluginKey: string
  webhookId: number
  routing_type?: string[]
  is_active?: boolean
} & Record<string, unknown>): Promise<Workspace> {
  return request(`/plugins/${encodeURIComponent(pluginKey)}/oauth/workspaces/${webhookId}`, {
    method: 'PATCH',
    body: change,
  })
}

/**
 * S110: disconnects an account, and forgets what it was given to sign in there.
 *
 * @example await disconnectOAuthWorkspace({ pluginKey, webhookId: 5 })
 * @throws ApiError
 * @since 0.1.0
 */
export async function disconnectOAuthWorkspace({
  pluginKey,
  webhookId,
}: {
  pluginKey: string
  webhookId: number
}): Promise<void> {
  await request(`/plugins/${encodeURIComponent(pluginKey)}/oauth/workspaces/${webhookId}`, { method: 'DELETE' })
}

/** Begins to connect an account: the address at the service that the person is sent to. @throws ApiError */
export async function startOAuth({
  pluginKey,
  connection,
  reconnect,
}: {
  pluginKey: string
  connection?: string
  /** Id of the connection whose account signs in again. */
  reconnect?: number
}): Promise<{ authorizeUrl: string }> {
  return request(`/plugins/${encodeURIComponent(pluginKey)}/oauth/start`, {
    method: 'POST',
    body: { connection, reconnect },
  })
}

/** Stops a plugin without removing anything of it, or lets it work again. @throws ApiError */
export async function setPluginEnabled({
  installationId,
  enabled,
}: {
  installationId: number
  enabled: boolean
}): Promise<PluginInstallation> {
  return request(`/plugins/installations/${installationId}/${enabled ? 'enable' : 'disable'}`, { method: 'POST' })
}
