import { setTimeout } from 'node:timers/promises'

/**
 * Resolves when React has nothing more to do: it works in turns of its own, also after a root was unmounted. Where the
 * page of a test is gone before the last of them, the run fails with "window is not defined".
 */
export async function whenPageRests(): Promise<void> {
  do await setTimeout(1)
  while (process.getActiveResourcesInfo().includes('Immediate'))
}
