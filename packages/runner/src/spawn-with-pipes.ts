import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import type net from 'node:net'
import { lowerPriority } from './process-priority.js'

/** A program to be started, with nothing of who starts it but pipes. */
export interface Launch {
  /** Absolute path. */
  program: string
  args: readonly string[]
  /** Absolute path. */
  cwd: string
  /** Descriptors of the process that are pipes; the others from 0 to 2 lead nowhere. */
  pipes: readonly number[]
  /** How far it gives way to the rest of the machine, as for `nice(1)`. */
  niceness: number
  /** As `Europe/Vienna`. Default: what the system says, which takes a search where its file for that is no link. */
  timeZone?: string | undefined
}

/** Starts a program with nothing but the time zone in its environment, in a process group of its own that ends with it. */
export function spawnWithPipes({ program, args, cwd, pipes, niceness, timeZone }: Launch): ChildProcess {
  const child = spawn(program, args, {
    cwd,
    env: {
      ...(process.platform === 'win32' ? { SystemRoot: process.env.SystemRoot } : {}),
      ...(timeZone === undefined ? {} : { TZ: timeZone }),
    },
    stdio: stdioFor(pipes),
    // Ctrl-C in a terminal reaches the whole group; children must outlive it until the host has drained.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  lowerPriority(child.pid, niceness)
  child.once('exit', () => child.pid !== undefined && killGroup(child.pid))
  return child
}

/**
 * SIGKILL for a process that was started in a group of its own, and for what it leaves behind: what bubblewrap has made
 * and not let run yet waits for a word of it, and would wait forever. Windows has no groups.
 */
export function killGroup(pid: number): void {
  // 0 would be the host's own group, and 1 every process there is.
  if (pid <= 1) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // There is nothing left of it.
  }
}

function stdioFor(pipes: readonly number[]): StdioOptions {
  const last = Math.max(2, ...pipes)
  return Array.from({ length: last + 1 }, (_, descriptor) => (pipes.includes(descriptor) ? 'pipe' : 'ignore'))
}

/** The other end of a pipe of a process that was started so. */
export function pipeOf(child: ChildProcess, descriptor: number): net.Socket {
  return (child.stdio as readonly unknown[])[descriptor] as net.Socket
}
