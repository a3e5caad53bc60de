import { readdirSync, readFileSync } from 'node:fs'

/**
 * Sends a signal to one process. Any other number than that of a process that a test may have started throws: 0 and
 * those below reach whole groups, -1 everybody, and "" or a process that is gone easily become 0.
 */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) throw new Error(`${pid} is no process of a test`)
  // eslint-disable-next-line no-restricted-syntax -- the number was looked at
  process.kill(pid, signal)
}

/** Of the processes that were started with this word among their arguments; Linux only. */
export function processesWith(word: string): number[] {
  // Too short, and it may be in the arguments of anybody.
  if (word.length < 10) throw new Error(`"${word}" is no word of a test's own`)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => argumentsOf(pid).includes(word))
}

/** Empty when it is gone. */
export function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  } catch {
    return []
  }
}
