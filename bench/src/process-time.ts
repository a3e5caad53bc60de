import { readFile } from 'node:fs/promises'
import { childrenOf } from './process-memory.js'

/** Linux counts in hundredths of a second, whatever the kernel's own clock. */
const msPerTick = 10

/** Milliseconds of processor that a process and those that it started have used. 0 where the system does not tell. */
export async function processorMsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The name of the program, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Its own, and of children that have ended: of each in the program and in the kernel.
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * msPerTick
  const children = await Promise.all((await childrenOf(pid)).map(processorMsOf))
  return children.reduce((sum, ms) => sum + ms, own)
}
