import type { RunError, RunJson, RunKind, RunState } from '@tenon/contract'
import { request } from '../api/request.js'

/** A piece of long work: what it is, how far it is, how it ended. */
export type Run = RunJson
export type { RunError, RunKind, RunState }

export interface RunPage {
  items: Run[]
  total: number
}

/** When an action runs by itself. */
export interface Schedule {
  action: string
  title: string
  /** Five fields; null where nothing is planned. */
  cron: string | null
  timeZone: string
  enabled: boolean
  /** An admin changed it. */
  isCustom: boolean
  /** What the plugin proposes. */
  proposed: string | null
  nextRunAt: string | null
  lastRunAt: string | null
}

export interface ScheduleChange {
  cron: string
  timeZone: string
  enabled: boolean
}

/** Something that goes on failing. */
export interface PluginAlert {
  pluginKey: string
  plugin: string
  installationId: number
  subject:
    | { kind: 'action'; action: string; title: string; runId: string }
    | { kind: 'connection'; connectionId: number; account: string }
    | { kind: 'events'; event: string }
  /** In a row. */
  failures: number
  error: RunError
  lastFailedAt: string
}

export interface RunFilter {
  page: number
  pageSize: number
  state?: RunState
}

const ofInstallation = (installationId: number) => `/plugins/installations/${installationId}`

/** The runs of a plugin, the newest first. @throws ApiError */
export async function getRuns({
  installationId,
  signal,
  ...filter
}: { installationId: number; signal?: AbortSignal } & RunFilter): Promise<RunPage> {
  return request(`${ofInstallation(installationId)}/runs`, { query: { ...filter }, signal })
}

/** A run as it is now. @throws ApiError */
export async function getRun({ id, signal }: { id: string; signal?: AbortSignal }): Promise<Run> {
  return request(`/plugins/runs/${id}`, { signal })
}

/** Asks a run to stop; it may take a moment. @throws ApiError */
export async function cancelRun(id: string): Promise<Run> {
  return request(`/plugins/runs/${id}/cancel`, { method: 'POST' })
}

/** Does the same once more, as a run of its own. @throws ApiError */
export async function retryRun(id: string): Promise<Run> {
  return request(`/plugins/runs/${id}/retry`, { method: 'POST' })
}

/** When the actions of a plugin run by themselves. @throws ApiError */
export async function getSchedules({
  installationId,
  signal,
}: {
  installationId: number
  signal?: AbortSignal
}): Promise<Schedule[]> {
  return request(`${ofInstallation(installationId)}/schedules`, { signal })
}

/** Changes when an action runs by itself. @throws ApiError */
export async function setSchedule({
  installationId,
  action,
  ...change
}: { installationId: number; action: string } & ScheduleChange): Promise<Schedule> {
  const path = `${ofInstallation(installationId)}/schedules/${encodeURIComponent(action)}`
  return request(path, { method: 'PUT', body: change })
}

/** Back to the times that the plugin proposes. @throws ApiError */
export async function resetSchedule({
  installationId,
  action,
}: {
  installationId: number
  action: string
}): Promise<Schedule> {
  return request(`${ofInstallation(installationId)}/schedules/${encodeURIComponent(action)}`, { method: 'DELETE' })
}

/** What goes on failing in the organization. @throws ApiError */
export async function getAlerts({ signal }: { signal?: AbortSignal } = {}): Promise<PluginAlert[]> {
  return request('/plugins/alerts', { signal })
}
