import { useQueries, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useLiveUpdates } from './liveUpdates.js'
import type { Run } from './run.repository.js'
import { isRunOver } from './runCache.js'
import { isAway, runQuery } from './runs.js'
import { isRunShown, unwatchRun, useWatchedRuns } from './watchedRuns.js'

/**
 * Hears, once for each, how the runs ended that this person began or looked at, wherever in the application they are.
 * `isShown` is true when the end is already to be seen on the page.
 *
 * @example useRunOutcomes((run, { isShown }) => isShown || toast(sentenceOfOutcome(run)))
 * @since 0.1.0
 */
export function useRunOutcomes(onOutcome: (run: Run, how: { isShown: boolean }) => void): void {
  const client = useQueryClient()
  const ids = useWatchedRuns()
  useLiveUpdates(ids.length > 0)
  const runs = useQueries({ queries: ids.map((id) => runQuery(client, id)) })
  useEffect(() => {
    runs.forEach(({ data, error }, index) => {
      const id = ids[index]
      if (id === undefined) return
      // What is gone, or of another organization, has no end to be told.
      if (error && !data && !isAway(error)) unwatchRun(id)
      if (!data || !isRunOver(data)) return
      if (unwatchRun(id)) onOutcome(data, { isShown: isRunShown(id) })
    })
  })
}
