import { readFile } from 'node:fs/promises'
import { childrenOf } from './process-memory.js'

/** Milliseconds of processor by process. */
export type ProcessorTimes = ReadonlyMap<number, number>

/** Linux counts in hundredths of a second, whatever the kernel's own clock. */
const msPerTick = 10

/** Of a process and of those that it started and that still run. 0 where the system does not tell. */
export async function processorTimesOf(pid: number): Promise<ProcessorTimes> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name of the program, in parentheses, may contain spaces. In the program, and in the kernel.
  const [inProgram = 0, inKernel = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number)
  const children = await Promise.all((await childrenOf(pid)).map(processorTimesOf))
  return new Map([[pid, (inProgram + inKernel) * msPerTick], ...children.flatMap((times) => [...times])])
}

/** What was used between two looks; of processes that have ended meanwhile nothing is known any more. */
export function usedBetween(before: ProcessorTimes, after: ProcessorTimes): number {
  return [...after].reduce((sum, [pid, ms]) => sum + ms - (before.get(pid) ?? 0), 0)
}
