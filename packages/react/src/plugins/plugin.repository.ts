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

/** S98 @throws ApiError */
export async function getAllPlugins({ category, signal }: { category?: string } & Cancellable): Promise<Plugin[]> {
  return request('/plugins/marketplace', { query: { category }, signal })
}

/** S99 @throws ApiError */
export async function getPluginByKey({ key, signal }: { key: string } & Cancellable): Promise<Plugin> {
  return request(`/plugins/marketplace/${encodeURIComponent(key)}`, { signal })
}

/** S100 @throws ApiError */
export async function searchPlugins({ query, signal }: { query: string } & Cancellable): Promise<Plugin[]> {
  return request('/plugins/marketplace/search', { query: { q: query }, signal })
}

/** S101; `permissions` are the ids of those that are granted, all when absent. @throws ApiError */
export async function installPlugin({
  pluginKey,
  permissions,
}: {
  pluginKey: string
  permissions?: string[]
}): Promise<PluginInstallation> {
  return request('/plugins/install', { method: 'POST', body: { pluginKey, permissions } })
}

/** Begins what S101 does, as a run with steps that can be followed. @throws ApiError */
export async function startInstall({
  pluginKey,
  permissions,
}: {
  pluginKey: string
  permissions?: string[]
}): Promise<Work<PluginInstallation>> {
  return requestWork('/plugins/install', { method: 'POST', body: { pluginKey, permissions } })
}

/** S102; `data: 'keep'` leaves the plugin's tables for a later installation. @throws ApiError */
export async function uninstallPlugin({
  installationId,
  data,
}: {
  installationId: number
  data?: 'keep' | 'erase'
}): Promise<string> {
  return request(`/plugins/installations/${installationId}`, { method: 'DELETE', query: { data } })
}

/** S103 @throws ApiError */
export async function getInstalledPlugins({ signal }: Cancellable = {}): Promise<PluginInstallation[]> {
  return request('/plugins/installations', { signal })
}

/** S104 @throws ApiError */
export async function getCategories({ signal }: Cancellable = {}): Promise<PluginCategoryInfo[]> {
  return request('/plugins/categories', { signal })
}

/** S105; `force` saves although the connection test fails. @throws ApiError */
export async function updatePluginConfiguration({
  installationId,
  configuration,
  force,
}: {
  installationId: number
  configuration: Record<string, unknown>
  force?: boolean
}): Promise<PluginInstallation> {
  const query = force ? { force: true } : {}
  return request(`/plugins/installations/${installationId}/configuration`, {
    method: 'PUT',
    body: { configuration },
    query,
  })
}

/** S106; a failed test is an answer. @throws ApiError */
export async function testPluginConnection({
  pluginKey,
  configuration,
}: {
  pluginKey: string
  configuration: Record<string, unknown>
}): Promise<ConnectionTest> {
  return request(`/plugins/${pluginKey}/test-connection`, { method: 'POST', body: { configuration } })
}

/** S107; `state` came back from the service together with the code. @throws ApiError */
export async function connectOAuthWorkspace({
  pluginKey,
  code,
  state,
}: {
  pluginKey: string
  code: string
  state?: string
}): Promise<Workspace> {
  return request(`/plugins/${pluginKey}/oauth/connect`, { method: 'POST', body: { code, state } })
}

/** S108 @throws ApiError */
export async function getOAuthWorkspaces({
  pluginKey,
  signal,
}: {
  pluginKey: string
  signal?: AbortSignal
}): Promise<Workspace[]> {
  return request(`/plugins/${pluginKey}/oauth/workspaces`, { signal })
}

/** S109; besides the two of the seed, whatever settings the plugin declares. @throws ApiError */
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
  return request(`/plugins/${pluginKey}/oauth/workspaces/${webhookId}`, { method: 'PATCH', body: change })
}

/** S110 @throws ApiError */
export async function disconnectOAuthWorkspace({
  pluginKey,
  webhookId,
}: {
  pluginKey: string
  webhookId: number
}): Promise<void> {
  await request(`/plugins/${pluginKey}/oauth/workspaces/${webhookId}`, { method: 'DELETE' })
}

/** Begins to connect an account: the address at the service that the person is sent to. @throws ApiError */
export async function startOAuth({
  pluginKey,
  connection,
}: {
  pluginKey: string
  connection?: string
}): Promise<{ authorizeUrl: string }> {
  return request(`/plugins/${pluginKey}/oauth/start`, { method: 'POST', body: { connection } })
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
