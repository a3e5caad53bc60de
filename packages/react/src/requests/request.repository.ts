import type { PluginRequestJson, PluginRequestState } from '@tenon/contract'
import { request } from '../api/request.js'

/** Somebody who may not install plugins asked for one: what, who, when, and how it ended. */
export type PluginRequest = PluginRequestJson
export type { PluginRequestState }

export interface PluginRequestPage {
  items: PluginRequest[]
  total: number
}

export interface PluginRequestFilter {
  state?: PluginRequestState
  pluginKey?: string
  page?: number
  pageSize?: number
}

/**
 * What was asked for, the newest first: of the whole organization for an admin, for everybody else their own.
 *
 * @throws ApiError
 * @since 0.1.0
 */
export async function listPluginRequests({
  signal,
  ...filter
}: PluginRequestFilter & { signal?: AbortSignal } = {}): Promise<PluginRequestPage> {
  return request('/plugins/requests', { query: { ...filter }, signal })
}

/**
 * Asks the admins for a plugin. Where an own request for it is open already, that one is the answer, with the new note.
 *
 * @throws ApiError
 * @since 0.1.0
 */
export async function requestPlugin({ pluginKey, note }: { pluginKey: string; note?: string }): Promise<PluginRequest> {
  return request('/plugins/requests', { method: 'POST', body: { pluginKey, note } })
}

/** For admins; `reason` is shown to whoever asked. @throws ApiError @since 0.1.0 */
export async function declinePluginRequest({ id, reason }: { id: number; reason?: string }): Promise<PluginRequest> {
  return request(`/plugins/requests/${id}/decline`, { method: 'POST', body: { reason } })
}

/** For whoever asked. @throws ApiError @since 0.1.0 */
export async function withdrawPluginRequest({ id }: { id: number }): Promise<PluginRequest> {
  return request(`/plugins/requests/${id}`, { method: 'DELETE' })
}
