import { type QueryClient, skipToken, useQuery } from '@tanstack/react-query'
import { ApiError } from '../api/ApiError.js'
import { getInstalledPlugins, type InstallConsent, startInstall } from '../plugins/plugin.repository.js'
import { pluginKeys, useInstallations } from '../plugins/queries.js'
import type { PluginInstallation } from '../plugins/types.js'
import { keyOf } from '../plugins/usePlugins.js'
import type { Run } from '../runs/run.repository.js'
import { isRunOver, runKeys } from '../runs/runCache.js'
import { followRun, useActiveRun, useRun, whenRunEnds } from '../runs/runs.js'

/** The steps of an installation, as the host names them, in their order. */
export const installSteps = [
  { name: 'verify', title: 'Fetch its code and verify it', undone: 'Nothing had been changed.' },
  {
    name: 'start',
    title: 'Start it in a process of its own',
    undone: 'Its process was ended; nothing else had been changed.',
  },
  {
    name: 'prepare',
    title: 'Prepare its place in the database',
    undone: 'Its place in the database was removed and its process ended.',
  },
  {
    name: 'install',
    title: 'Let it set itself up',
    undone: 'What it had begun was taken back, its place in the database removed, and its process ended.',
  },
] as const

/** Installs a plugin as a run, and waits for its end, also when the component that asked is gone. @throws ApiError */
export async function installAsRun(
  client: QueryClient,
  choice: { pluginKey: string } & InstallConsent,
): Promise<PluginInstallation> {
  const work = await startInstall(choice)
  if ('answer' in work) return work.answer
  client.setQueryData(runKeys.installing(choice.pluginKey), work.runId)
  const run = await endOf(client, work.runId)
  if (run.state !== 'succeeded') throw installError(run)
  const all = await installationsNow(client)
  const installed = all.find((installation) => keyOf(installation) === choice.pluginKey)
  if (!installed) throw new ApiError('It was removed again meanwhile.', 404, 'INSTALLATION_NOT_FOUND')
  return installed
}

/** It was begun: when it cannot be looked at, nothing is known of how it ends. @throws ApiError */
async function endOf(client: QueryClient, runId: string): Promise<Run> {
  try {
    await followRun(client, runId)
    return await whenRunEnds(client, runId)
  } catch (error) {
    throw unanswered((error as ApiError).message)
  }
}

/** From the server: what is in the cache may be of before the installation. @throws ApiError */
async function installationsNow(client: QueryClient): Promise<PluginInstallation[]> {
  const look = { queryKey: pluginKeys.installations, queryFn: () => getInstalledPlugins(), staleTime: 0 }
  return client.fetchQuery(look).catch((error: Error) => {
    throw unanswered(error.message)
  })
}

const unanswered = (message: string): ApiError => new ApiError(message, 0, 'UNREACHABLE')

/** What happened is the message; what was undone and what to do are its details. */
function installError({ id, state, step, error }: Run): ApiError {
  const message = state === 'cancelled' || !error ? 'The installation was stopped.' : error.message
  return new ApiError(message, 422, error?.code ?? 'CALL_CANCELLED', undefined, {
    runId: id,
    undone: installSteps.find(({ name }) => name === step)?.undone ?? 'Nothing of it was kept.',
    nextStep: error?.nextStep ?? 'You can try again.',
  })
}

/** The id of the run that installs a plugin, or did so last. */
export function useInstallRunId(pluginKey: string): string | undefined {
  const begun = useQuery<string>({ queryKey: runKeys.installing(pluginKey), queryFn: skipToken }).data
  const row = useInstallations().data?.find((one) => keyOf(one) === pluginKey && one.status === 'installing')
  return useActiveRun(row?.id, 'install')?.id ?? begun
}

/** The run that installs a plugin just now, by whomever it was begun. */
export function useInstallRun(pluginKey: string): Run | undefined {
  const { data: run } = useRun(useInstallRunId(pluginKey))
  return run && !isRunOver(run) ? run : undefined
}
