import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ApiError } from '../api/ApiError.js'
import { request } from '../api/request.js'
import { pluginKeys, refreshPlugins } from '../plugins/queries.js'

export interface LogLine {
  id: number
  at: string
  level: 'debug' | 'info' | 'warn' | 'error'
  text: string
}

export interface ActivityEntry {
  id: number
  at: string
  pluginKey: string
  userId: number | null
  action: string
  outcome: string
  message: string | null
}

interface CallFigures {
  calls: number
  errors: number
  meanMs: number | null
  p95Ms: number | null
}

/** How one process of a plugin came to its end. */
export interface ProcessEnd {
  at: string
  crashed: boolean
  /** In one word; null or absent where an older server has kept it. */
  reason?: string | null
  cause: string
}

export interface PluginHealth {
  state: string
  summary: string
  since: string | null
  next: string | null
  calls: CallFigures
  /** Each of the last 24 hours, the oldest first; an older server does not say it. */
  hours?: (CallFigures & { at: string })[]
  restarts: number
  restartAfter: string | null
  crashes: ProcessEnd[]
  /** The last ends of its processes, crashes or not, the newest first; an older server says the crashes only. */
  ends?: ProcessEnd[]
  budgets: { name: string; used: number; limit: number | null; unit: string }[]
  processes: { lane: string; startedAt: string; memoryBytes: number; callsInFlight: number }[]
}

export interface UsedPermission {
  id: string
  group: string
  sentence: string
  granted: boolean
  uses: number
  lastUsedAt: string | null
  refusals: number
  lastRefusedAt: string | null
}

export interface PluginPermissions {
  declared: boolean
  permissions: UsedPermission[]
  refused: { permission: string; refusals: number; lastRefusedAt: string | null }[]
}

interface Page<Item> {
  items: Item[]
  total: number
}

interface OfInstallation {
  pluginKey: string
  installationId: number
}

/** What a server that does not keep such records answers: the section is left out then. */
export function isMissing(error: Error | null): boolean {
  return error instanceof ApiError && error.status === 404
}

/** The newest lines first; with `before` those before the line with this id. */
function readLog(
  installationId: number,
  query: LogFilter & { before?: number; pageSize: number },
  signal: AbortSignal,
) {
  return request<Page<LogLine>>(`/plugins/installations/${installationId}/logs`, { query: { ...query }, signal })
}

export interface LogFilter {
  /** Lines of this level and above. */
  level: string
  text?: string | undefined
}

/** Few, so that they are there at once. */
const newestLines = 200
const earlierLines = 1_000

export function usePluginLogs({ pluginKey, installationId }: OfInstallation, filter: LogFilter) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'logs', filter),
    queryFn: async ({ signal }) =>
      pageOf(await readLog(installationId, { ...filter, pageSize: newestLines }, signal), newestLines),
  })
}

/** Lines before the one with the id `before`. @throws ApiError */
export async function readEarlierLines(installationId: number, filter: LogFilter, before: number, signal: AbortSignal) {
  const page = await readLog(installationId, { ...filter, before, pageSize: earlierLines }, signal)
  return pageOf(page, earlierLines)
}

/** Lines in their order, and whether there are some before them. */
export interface LogPage {
  lines: LogLine[]
  hasEarlier: boolean
}

function pageOf({ items }: Page<LogLine>, pageSize: number): LogPage {
  return { lines: items.toReversed(), hasEarlier: items.length >= pageSize }
}

export function usePluginActivity({ pluginKey, installationId }: OfInstallation, page: number) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'activity', page),
    queryFn: ({ signal }) =>
      request<Page<ActivityEntry>>(`/plugins/installations/${installationId}/activity`, {
        query: { page, pageSize: 20 },
        signal,
      }),
  })
}

/**
 * What was done to all plugins of the organization, those that are gone included; 20 entries to a page, from 1.
 *
 * @example const { data } = useActivity(1)
 * @since 0.1.0
 */
export function useActivity(page: number) {
  return useQuery({
    queryKey: [...pluginKeys.all, 'activity', page],
    queryFn: ({ signal }) =>
      request<Page<ActivityEntry>>('/plugins/activity', { query: { page, pageSize: 20 }, signal }),
  })
}

/** Health changes by itself, so it is looked at again and again while it is shown. */
const healthLookMs = 10_000

export function usePluginHealth({ pluginKey, installationId }: OfInstallation) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'health'),
    queryFn: ({ signal }) => request<PluginHealth>(`/plugins/installations/${installationId}/health`, { signal }),
    refetchInterval: ({ state }) => (isMissing(state.error) ? false : healthLookMs),
  })
}

/** A table of a plugin, as the database last counted it. */
export interface PluginTable {
  name: string
  rows: number
}

/** The tables that go when the data of a plugin is erased; for admins. */
export function usePluginTables({ pluginKey, installationId }: OfInstallation, { enabled }: { enabled: boolean }) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'tables'),
    queryFn: ({ signal }) => request<PluginTable[]>(`/plugins/installations/${installationId}/tables`, { signal }),
    enabled,
  })
}

export function usePluginPermissions({ pluginKey, installationId }: OfInstallation) {
  return useQuery({
    queryKey: pluginKeys.of(pluginKey, 'permissions'),
    queryFn: ({ signal }) =>
      request<PluginPermissions>(`/plugins/installations/${installationId}/permissions`, { signal }),
  })
}

export function useGrantPermissions({ installationId }: OfInstallation) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (permissions: string[]) =>
      request<PluginPermissions>(`/plugins/installations/${installationId}/permissions`, {
        method: 'PUT',
        body: { permissions },
      }),
    onSuccess: () => refreshPlugins(client),
  })
}
