import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { killGroup } from '@tenon/runner'
import * as z from 'zod'
import { findStranded } from './namespaces.js'

/**
 * A busy child outlives a host that crashed: its event loop never sees the closed pipe. Each child therefore has a file
 * that says who it is, and the next host that starts ends the ones whose host is gone.
 */
export interface PidFiles {
  add(pid: number): void
  remove(pid: number): void
}

const ownerSchema = z.object({ pid: z.int().positive(), startedAt: z.string().min(1) })
const pidFileSchema = ownerSchema.extend({ host: ownerSchema })

export const noPidFiles: PidFiles = { add: () => undefined, remove: () => undefined }

/**
 * Reaps the orphans that `directory` knows of, and what is stranded, then keeps it. That looks at every process of the
 * machine without a pause, once: the host that calls it serves nobody yet.
 */
export function createPidFiles(directory: string): PidFiles {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  reapOrphans(directory)
  // Nobody had the time to note these.
  for (const leader of findStranded()) killGroup(leader)
  const host = { pid: process.pid, startedAt: startOf(process.pid) ?? 'unknown' }
  const fileOf = (pid: number) => path.join(directory, `runner-${pid}.json`)
  return {
    add(pid) {
      const startedAt = startOf(pid)
      if (startedAt) writeFileSync(fileOf(pid), JSON.stringify({ pid, startedAt, host }), { mode: 0o600 })
    },
    remove: (pid) => rmSync(fileOf(pid), { force: true }),
  }
}

/** Ends children whose host is gone. A number that meanwhile belongs to another process is left alone. */
function reapOrphans(directory: string): void {
  for (const name of readdirSync(directory).filter((file) => /^runner-\d+\.json$/.test(file))) {
    const file = path.join(directory, name)
    const entry = readPidFile(file)
    if (entry && startOf(entry.host.pid) === entry.host.startedAt) continue
    if (entry && startOf(entry.pid) === entry.startedAt) killGroup(entry.pid)
    rmSync(file, { force: true })
  }
}

function readPidFile(file: string): z.infer<typeof pidFileSchema> | undefined {
  try {
    return pidFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}

/** When a process started, as the system writes it; undefined when there is none. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)])
        .toString()
        .trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may hold spaces; the start time is the 20th field after it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
