import {
  keepPreviousData,
  type QueryClient,
  QueryObserver,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query'
import { ApiError } from '../api/ApiError.js'
import { liveUpdatesOf, useLiveUpdates } from './liveUpdates.js'
import {
  cancelRun,
  getAlerts,
  getRun,
  getRuns,
  getSchedules,
  resetSchedule,
  retryRun,
  type Run,
  type RunFilter,
  type RunPage,
  type RunState,
  type ScheduleChange,
  setSchedule,
} from './run.repository.js'
import { absorbNews, absorbPage, absorbRun, isRunOver, runKeys } from './runCache.js'
import { watchRun } from './watchedRuns.js'

/** What is under way is looked at so often without the stream, and so often to be sure with it. */
const lookMs = 1_500
const sureMs = 15_000

const lookAgain = (client: QueryClient, isUnderWay: boolean): number | false => {
  if (!isUnderWay) return false
  return liveUpdatesOf(client).isOpen() ? sureMs : lookMs
}

/** Of a server that does not answer nothing is known: another one may be at work on the run by now. */
export const isAway = (error: unknown): boolean => error instanceof ApiError && error.isPassing

export function runQuery(client: QueryClient, id: string) {
  return queryOptions({
    queryKey: runKeys.one(id),
    queryFn: async ({ signal }) => absorbRun(client, await getRun({ id, signal })),
    refetchInterval: ({ state: { data, error } }) => lookAgain(client, data ? !isRunOver(data) : isAway(error)),
    staleTime: lookMs,
  })
}

/**
 * A run as it is now, live as long as it is under way.
 *
 * @example const { data: run } = useRun(runId)
 * @since 0.1.0
 */
export function useRun(id: string | undefined) {
  const client = useQueryClient()
  const run = useQuery({ ...runQuery(client, id ?? ''), enabled: id !== undefined })
  useLiveUpdates(id !== undefined && !(run.data && isRunOver(run.data)))
  return run
}

/** The run when it has ended, also after the component that asked has gone. @throws ApiError when it is not there */
export function whenRunEnds(client: QueryClient, id: string): Promise<Run> {
  const leave = liveUpdatesOf(client).listen()
  const observer = new QueryObserver(client, runQuery(client, id))
  return new Promise<Run>((resolve, reject) => {
    const { data: known } = observer.getCurrentResult()
    if (known && isRunOver(known)) return resolve(known)
    const unsubscribe = observer.subscribe(({ data, error }) => {
      if (data && isRunOver(data)) resolve(data)
      else if (error && !data && !isAway(error)) reject(error)
      else return
      // Not within the call that it is made from, where it may not be there yet.
      queueMicrotask(() => unsubscribe())
    })
  }).finally(leave)
}

export const runsOnPage = 10

/**
 * The runs of an installed plugin, the newest first, live.
 *
 * @example const { data } = usePluginRuns(installation.id, { page: 1 })
 * @since 0.1.0
 */
export function usePluginRuns(
  installationId: number | null | undefined,
  { page = 1, pageSize = runsOnPage, state }: Partial<RunFilter> = {},
) {
  const client = useQueryClient()
  useLiveUpdates(installationId !== null && installationId !== undefined)
  return useQuery({
    queryKey: runKeys.of(installationId ?? 0, { page, pageSize, state }),
    queryFn: async ({ signal, queryKey }) => {
      const list = await getRuns({ installationId: installationId ?? 0, page, pageSize, state, signal })
      return absorbPage(client, list, client.getQueryData<RunPage>(queryKey))
    },
    enabled: installationId !== null && installationId !== undefined,
    refetchInterval: (query) => lookAgain(client, query.state.data?.items.some((run) => !isRunOver(run)) ?? false),
    placeholderData: keepPreviousData,
  })
}

/**
 * The run of an action or an importer that is under way, by whomever it was begun.
 *
 * @example
 * const run = useActiveRun(installation.id, 'sync')
 * return run ? <RunProgress run={run} /> : null
 * @since 0.1.0
 */
export function useActiveRun(installationId: number | null | undefined, action: string): Run | undefined {
  const { data } = usePluginRuns(installationId)
  return data?.items.find((run) => run.action === action && !isRunOver(run))
}

/** After something was begun: its end will be told, and wherever runs are shown it appears. */
export async function followRun(client: QueryClient, id: string): Promise<Run> {
  watchRun(id)
  const run = await client.fetchQuery({
    ...runQuery(client, id),
    // It was begun: where nobody answers now, somebody will.
    retry: (_failures, error) => isAway(error),
    retryDelay: lookMs,
  })
  await client.invalidateQueries({ queryKey: runKeys.lists })
  return run
}

/**
 * Asks a run to stop, which may take it a moment.
 *
 * @example
 * const cancel = useCancelRun()
 * return <button onClick={() => cancel.mutate(runId)}>Stop</button>
 * @since 0.1.0
 */
export function useCancelRun() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: cancelRun,
    onSuccess: (run) => absorbRun(client, run),
    // Refused, because it ended meanwhile: then how is shown.
    onError: (_error, id) => client.invalidateQueries({ queryKey: runKeys.one(id) }),
  })
}

/**
 * Does what a run did once more, as a run of its own.
 *
 * @example
 * const retry = useRetryRun()
 * return <button onClick={() => retry.mutate(runId)}>Try again</button>
 * @since 0.1.0
 */
export function useRetryRun() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: retryRun,
    onSuccess(run) {
      watchRun(run.id)
      absorbNews(client, run)
    },
  })
}

/**
 * When the actions of a plugin run by themselves.
 *
 * @example const { data: schedules = [] } = useSchedules(installation.id)
 * @since 0.1.0
 */
export function useSchedules(installationId: number | null | undefined) {
  return useQuery({
    queryKey: runKeys.schedules(installationId ?? 0),
    queryFn: ({ signal }) => getSchedules({ installationId: installationId ?? 0, signal }),
    enabled: installationId !== null && installationId !== undefined,
  })
}

/**
 * Changes when an action runs by itself; null is what the plugin proposes.
 *
 * @example
 * const set = useSetSchedule(installation.id, 'sync')
 * set.mutate({ cron: '0 6 * * 1', timeZone: 'Europe/Berlin', enabled: true })
 * set.mutate(null)
 * @since 0.1.0
 */
export function useSetSchedule(installationId: number, action: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (change: ScheduleChange | null) =>
      change ? setSchedule({ installationId, action, ...change }) : resetSchedule({ installationId, action }),
    onSuccess: () => client.invalidateQueries({ queryKey: runKeys.schedules(installationId) }),
  })
}

/**
 * What goes on failing in the organization.
 *
 * @example const { data: alerts = [] } = useAlerts()
 * @since 0.1.0
 */
export function useAlerts(isWanted = true) {
  return useQuery({
    queryKey: runKeys.alerts,
    queryFn: ({ signal }) => getAlerts({ signal }),
    staleTime: 30_000,
    enabled: isWanted,
  })
}

export type { Run, RunState }
