import { type ChildProcess, spawn } from 'node:child_process'
import { realpathSync } from 'node:fs'
import os from 'node:os'
import { runnerPath } from '@tenon/runner'

/** What keeps a plugin in: T1 is what every operating system has. */
export type Tier = 'T1' | 'T2' | 'T3'

/** Below the memory watch, so that V8's own, clearer failure comes first for plain heap growth. */
const heapMegabytes = 384

/** Command line of a runner on this version of Node. */
export function runnerArguments(nodeVersion: string, path: string): string[] {
  const major = Number(nodeVersion.split('.')[0])
  const permission = major >= 22 ? '--permission' : '--experimental-permission'
  // On Node 20 a V8 flag makes V8 refuse stored code caches; there the memory watch is the only limit.
  const heap = major >= 22 ? [`--max-old-space-size=${heapMegabytes}`] : []
  return [permission, `--allow-fs-read=${path}`, '--no-warnings', '--no-deprecation', ...heap, path]
}

/** Starts a blank runner: empty environment, empty directory, nothing readable but its own file, own process group. */
export function launchRunner(options: { directory: string; niceness: number }): ChildProcess {
  const child = spawn(process.execPath, runnerArguments(process.versions.node, realpathSync(runnerPath)), {
    // 3 carries messages, 4 virtual sockets; Node's own IPC channel would let a child crash the host.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    env: process.platform === 'win32' ? { SystemRoot: process.env.SystemRoot } : {},
    cwd: options.directory,
    // Ctrl-C in a terminal reaches the whole group; children must outlive it until the host has drained.
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  if (child.pid !== undefined) lowerPriority(child.pid, options.niceness)
  return child
}

function lowerPriority(pid: number, niceness: number): void {
  try {
    os.setPriority(pid, niceness)
  } catch {
    // Already gone, or a system that does not allow it: the child is only less polite.
  }
}
