import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface ProcessMemory {
  residentBytes: number
  /** Memory that no other process has; only Linux tells. */
  privateBytes?: number
  /** Private memory and a fair share of what is shared; only Linux tells. */
  proportionalBytes?: number
}

const run = promisify(execFile)

/** Processes that a process has started and that still run. None on Windows, which has no `ps`. */
export async function childrenOf(pid: number): Promise<number[]> {
  const table = await processTable()
  return table.filter(({ parent }) => parent === pid).map((entry) => entry.pid)
}

/** Children, their children, and so on: what starts plugins' processes stands between a host and them. */
export async function processesBelow(pid: number): Promise<number[]> {
  const children = await childrenOf(pid)
  return [...children, ...(await Promise.all(children.map(processesBelow))).flat()]
}

/** The processes of plugins below a host, blank ones included: not Postgres, and not what starts them. */
export async function runnersBelow(pid: number): Promise<number[]> {
  const below = await processesBelow(pid)
  const commands = await Promise.all(below.map((one) => readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => '')))
  return below.filter((_, index) => /[\\/]runner\.cjs/.test(commands[index] ?? ''))
}

/** Undefined when the process has ended. */
export async function memoryOf(pid: number): Promise<ProcessMemory | undefined> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => undefined)
  if (rollup === undefined) {
    const entry = (await processTable()).find((process) => process.pid === pid)
    return entry && { residentBytes: entry.residentBytes }
  }
  const bytesOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1024
  return {
    residentBytes: bytesOf('Rss'),
    privateBytes: bytesOf('Private_Clean') + bytesOf('Private_Dirty'),
    proportionalBytes: bytesOf('Pss'),
  }
}

async function processTable(): Promise<{ pid: number; parent: number; residentBytes: number }[]> {
  if (process.platform === 'win32') return []
  const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=,rss='], { maxBuffer: 10_000_000 })
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [pid = 0, parent = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number)
      return { pid, parent, residentBytes: kilobytes * 1024 }
    })
}
