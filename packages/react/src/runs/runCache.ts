import type { QueryClient } from '@tanstack/react-query'
import { pluginKeys } from '../plugins/queries.js'
import type { PluginInstallation } from '../plugins/types.js'
import type { Run, RunPage, RunState } from './run.repository.js'
import { isWatched } from './watchedRuns.js'

/** Names of runs in the cache; apart from those of plugins, which are asked again when a run ends. */
export const runKeys = {
  all: ['tenon', 'runs'] as const,
  one: (id: string) => ['tenon', 'runs', 'one', id] as const,
  lists: ['tenon', 'runs', 'of'] as const,
  of: (installationId: number, ...rest: unknown[]) => ['tenon', 'runs', 'of', installationId, ...rest] as const,
  schedules: (installationId: number) => ['tenon', 'schedules', installationId] as const,
  alerts: ['tenon', 'alerts'] as const,
  /** The id of the run that installs a plugin. */
  installing: (pluginKey: string) => ['tenon', 'installing', pluginKey] as const,
}

const overStates: readonly RunState[] = ['succeeded', 'failed', 'cancelled']

/** True when nothing more happens to a run. */
export function isRunOver({ state }: Pick<Run, 'state'>): boolean {
  return overStates.includes(state)
}

/**
 * Takes in what is known of a run, from an answer or from the stream: wherever the run is shown it is shown as it is now,
 * and when it has ended, what its plugin shows is asked again: also when it was begun here and is over before its first
 * answer. An answer that was overtaken changes nothing.
 *
 * @returns the newer of the two
 */
export function absorbRun(client: QueryClient, run: Run): Run {
  return takeIn(client, run, isWatched(run.id))
}

/** Like {@link absorbRun}, for a run that may have begun just now: then the lists are asked again. */
export function absorbNews(client: QueryClient, run: Run): Run {
  const isNew = knownRun(client, run.id) === undefined
  const now = takeIn(client, run, true)
  if (isNew) refreshLists(client, run)
  return now
}

/** Like {@link absorbRun} for all of a list; what was not in the earlier answer of the same list has happened since. */
export function absorbPage(client: QueryClient, { items, ...page }: RunPage, earlier: RunPage | undefined): RunPage {
  return { ...page, items: items.map((run) => takeIn(client, run, earlier !== undefined || isWatched(run.id))) }
}

/** @param isNews whether a run that nothing is known of has happened only now, and not long ago */
function takeIn(client: QueryClient, run: Run, isNews: boolean): Run {
  const before = knownRun(client, run.id)
  if (before && isRunOver(before) && !isRunOver(run)) return before
  client.setQueryData(runKeys.one(run.id), run)
  patchLists(client, run)
  if (isRunOver(run) && (before ? !isRunOver(before) : isNews)) noticeEnd(client, run)
  return run
}

/** What the stream says of all installations: where it is news, they are asked again. */
export function absorbInstallations(
  client: QueryClient,
  told: readonly Pick<PluginInstallation, 'id' | 'status' | 'version'>[],
): void {
  const known = client.getQueryData<PluginInstallation[]>(pluginKeys.installations)
  if (!known) return
  const isKnown = ({ id, status, version }: (typeof told)[number]): boolean =>
    known.some((one) => one.id === id && one.status === status && one.version === version)
  if (known.length === told.length && told.every(isKnown)) return
  void client.invalidateQueries({ queryKey: pluginKeys.installations })
}

/** After a time without news: whatever is shown as unfinished may have ended. */
export function refreshUnfinished(client: QueryClient): void {
  void client.invalidateQueries({
    queryKey: runKeys.all,
    predicate: ({ state }) => unfinishedIn(state.data as Run | RunPage | undefined),
  })
}

function unfinishedIn(data: Run | RunPage | undefined): boolean {
  if (!data) return false
  return 'items' in data ? true : !isRunOver(data)
}

function knownRun(client: QueryClient, id: string): Run | undefined {
  const one = client.getQueryData<Run>(runKeys.one(id))
  if (one) return one
  const pages = client.getQueriesData<RunPage>({ queryKey: runKeys.lists })
  return pages.flatMap(([, page]) => page?.items ?? []).find((run) => run.id === id)
}

function patchLists(client: QueryClient, run: Run): void {
  client.setQueriesData<RunPage>({ queryKey: runKeys.lists }, (page) =>
    page?.items.some(({ id }) => id === run.id)
      ? { ...page, items: page.items.map((one) => (one.id === run.id ? run : one)) }
      : page,
  )
}

function refreshLists(client: QueryClient, { installationId }: Run): void {
  if (installationId !== null) void client.invalidateQueries({ queryKey: runKeys.of(installationId) })
}

function noticeEnd(client: QueryClient, run: Run): void {
  const { pluginKey, kind } = run
  refreshLists(client, run)
  void client.invalidateQueries({ queryKey: ['tenon', 'plugin', pluginKey] })
  void client.invalidateQueries({ queryKey: runKeys.alerts })
  if (kind === 'install') void client.invalidateQueries({ queryKey: pluginKeys.installations })
}
