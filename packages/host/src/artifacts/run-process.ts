import { spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { startDeadline } from '../egress/deadline.js'

export interface ProcessRun {
  command: string
  args: readonly string[]
  cwd: string
  /** All of its environment: nothing is inherited. */
  env: Readonly<Record<string, string>>
  timeoutMs: number
  /** Of each stream this much is kept: the beginning of standard output, the end of standard error. */
  maxOutputBytes: number
  signal?: AbortSignal | undefined
}

export interface ProcessResult {
  /** Null when it was killed. */
  exitCode: number | null
  stdout: string
  stderr: string
  timedOut: boolean
}

/**
 * Runs a program in a process group of its own, at low priority, and kills the whole group when its time is over, when
 * the signal fires, and when it has ended, so that nothing that it started stays behind.
 */
export function runProcess(run: ProcessRun): Promise<ProcessResult> {
  const { signal, clear } = startDeadline(run.timeoutMs, run.signal)
  return new Promise((resolve, reject) => {
    const child = spawn(run.command, run.args, {
      cwd: run.cwd,
      env: run.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    const kill = (): void => killGroup(child.pid)
    let stdout = Buffer.alloc(0)
    let stderr = Buffer.alloc(0)
    child.stdout.on('data', (chunk: Buffer) => {
      if (stdout.length < run.maxOutputBytes) stdout = Buffer.concat([stdout, chunk]).subarray(0, run.maxOutputBytes)
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = Buffer.concat([stderr, chunk]).subarray(-run.maxOutputBytes)
    })
    child.once('spawn', () => {
      lowerPriority(child.pid)
      if (signal.aborted) kill()
      signal.addEventListener('abort', kill)
    })
    child.once('error', (error) => {
      clear()
      reject(error)
    })
    child.once('exit', kill)
    child.once('close', (exitCode) => {
      clear()
      signal.removeEventListener('abort', kill)
      resolve({ exitCode, stdout: stdout.toString(), stderr: stderr.toString(), timedOut: signal.aborted })
    })
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

function lowerPriority(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It has ended by itself, or the system has no priorities.
  }
}
