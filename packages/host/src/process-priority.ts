import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Makes a process that leads a session of its own give way to the rest of the machine. `niceness` as for `nice(1)`,
 * 0 to 19. Where the system does not allow it, or the process has ended, it is only less polite.
 */
export function lowerPriority(pid: number | undefined, niceness: number): void {
  if (pid === undefined) return
  try {
    os.setPriority(pid, niceness)
  } catch {
    return
  }
  if (process.platform === 'linux') void lowerSession(pid, niceness)
}

/** How often a session's priority is tried again, and after how long. */
const retries = { times: 10, afterMs: 15 }

/**
 * Where the scheduler of Linux groups processes by session (`sched_autogroup_enabled`), niceness counts only within
 * one, and a session as a whole gets as much as any other: it has a niceness of its own (sched(7)). Who is not root may
 * set one every tenth of a second.
 */
async function lowerSession(pid: number, niceness: number): Promise<void> {
  for (let tried = 0; tried < retries.times; tried++) {
    try {
      return await writeFile(`/proc/${pid}/autogroup`, String(niceness))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
    }
    await sleep(retries.afterMs, undefined, { ref: false })
  }
}
