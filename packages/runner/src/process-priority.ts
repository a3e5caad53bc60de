import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Makes a process that leads a session of its own give way to the rest of the machine. `niceness` as for `nice(1)`,
 * 0 to 19. Where the system does not allow it, or the process has ended, it is only less polite.
 */
export function lowerPriority(pid: number | undefined, niceness: number): void {
  if (pid === undefined || !makeNice(pid, niceness)) return
  const session = openSession(pid)
  void session.setNiceness(niceness, { isFirst: true }).finally(session.close)
}

/** The same for one in the session of another that was made so. False where it cannot be done. */
export function makeNice(pid: number, niceness: number): boolean {
  try {
    // Than this program, which may have been made nice itself.
    os.setPriority(pid, Math.min(os.getPriority() + niceness, os.constants.priority.PRIORITY_LOW))
    return true
  } catch {
    return false
  }
}

/**
 * Makes a process nicer for a while, or less nice again. Where only the system's administrator may do the second, it stays
 * as it is: it could not be taken back.
 */
export function changePriority(pid: number, niceness: number): void {
  if (mayRaise()) makeNice(pid, niceness)
}

/** Bit of CAP_SYS_NICE (capabilities(7)). */
const capabilityToRaise = 23n
let mayRaiseAtAll: boolean | undefined

function mayRaise(): boolean {
  return (mayRaiseAtAll ??= ((ownCapabilities() >> capabilityToRaise) & 1n) === 1n)
}

function ownCapabilities(): bigint {
  try {
    const [, digits] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
    return BigInt(`0x${digits ?? '0'}`)
  } catch {
    return 0n
  }
}

/** How often a session's priority is tried again, and after how long: others, too, wait for their tenth of a second. */
const retries = { times: 100, afterMs: 30 }

export interface Session {
  /**
   * Resolves when it is so, or cannot be. What is asked for last counts.
   *
   * @param options.isFirst leaves it as it is when somebody else has set one meanwhile, who knows more of the session
   */
  setNiceness(niceness: number, options?: { isFirst?: boolean }): Promise<void>
  close(): void
}

/**
 * Where the scheduler of Linux groups processes by session (`sched_autogroup_enabled`), niceness counts only within
 * one, and a session as a whole gets as much as any other: it has a niceness of its own (sched(7)). Who is not root may
 * set one every tenth of a second. The first time is at once: a process takes most of its time while it starts.
 *
 * To be opened before the leader of the session seals itself: from then on its files in /proc are root's, and only who
 * has this one open already may write to it.
 */
export function openSession(leader: number): Session {
  let file = openToWrite(`/proc/${leader}/autogroup`)
  let asked = 0

  return {
    async setNiceness(niceness, { isFirst = false } = {}) {
      const mine = ++asked
      for (let tried = 0; tried < retries.times && file !== undefined && mine === asked; tried++) {
        try {
          if (isFirst && nicenessIn(file) !== 0) return
          writeSync(file, String(niceness))
          return
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        }
        await sleep(retries.afterMs, undefined, { ref: false })
      }
    },
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
    },
  }
}

/** What a session begins with is 0. */
function nicenessIn(file: number): number {
  const text = Buffer.alloc(100)
  const [, digits] = /nice (-?\d+)/.exec(text.toString('latin1', 0, readSync(file, text, 0, text.length, 0))) ?? []
  return Number(digits)
}

/** Undefined where there is no such file, as elsewhere than on Linux, or it is somebody else's. */
function openToWrite(path: string): number | undefined {
  try {
    return openSync(path, 'r+')
  } catch {
    return undefined
  }
}
