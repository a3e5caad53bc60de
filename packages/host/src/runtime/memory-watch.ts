import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Resident bytes of processes. Reads /proc where there is one, asks `ps` where not; a process that is gone is left out. */
export async function residentBytes(pids: number[]): Promise<Map<number, number>> {
  if (process.platform === 'linux') return new Map(pids.flatMap((pid) => linuxResidentBytes(pid)))
  return pids.length === 0 || process.platform === 'win32' ? new Map() : psResidentBytes(pids)
}

function linuxResidentBytes(pid: number): [number, number][] {
  try {
    // The file system of /proc answers from memory: cheaper read at once than through the thread pool.
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kilobytes === undefined ? [] : [[pid, Number(kilobytes) * 1024]]
  } catch {
    return []
  }
}

function psResidentBytes(pids: number[]): Promise<Map<number, number>> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')], (_error, output) => {
      const rows = output
        .trim()
        .split('\n')
        .map((row) => row.trim().split(/\s+/).map(Number))
      resolve(new Map(rows.map(([pid = 0, kilobytes = 0]) => [pid, kilobytes * 1024])))
    })
  })
}
