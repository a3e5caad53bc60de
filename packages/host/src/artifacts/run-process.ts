import { spawn, type ChildProcess } from 'node:child_process'
import { killGroup, lowerPriority } from '@tenon/runner'
import { startDeadline } from '../egress/deadline.js'

/** As that of runners. */
const niceness = 5

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
    const child = spawnGroup(run, ['ignore', 'pipe', 'pipe'], signal)
    let stdout = Buffer.alloc(0)
    let stderr = Buffer.alloc(0)
    child.stdout?.on('data', (chunk: Buffer) => {
      if (stdout.length < run.maxOutputBytes) stdout = Buffer.concat([stdout, chunk]).subarray(0, run.maxOutputBytes)
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = Buffer.concat([stderr, chunk]).subarray(-run.maxOutputBytes)
    })
    child.once('error', (error) => {
      clear()
      reject(error)
    })
    child.once('close', (exitCode) => {
      clear()
      resolve({ exitCode, stdout: stdout.toString(), stderr: stderr.toString(), timedOut: signal.aborted })
    })
  })
}

/** A program in a group of its own, at low priority; the whole group is killed when it ends or when the signal fires. */
export function spawnGroup(
  { command, args, cwd, env }: Pick<ProcessRun, 'command' | 'args' | 'cwd' | 'env'>,
  stdio: ('ignore' | 'pipe')[],
  signal: AbortSignal,
): ChildProcess {
  const child = spawn(command, args, { cwd, env, detached: true, stdio, windowsHide: true })
  const kill = () => child.pid !== undefined && killGroup(child.pid)
  child.once('spawn', () => {
    lowerPriority(child.pid, niceness)
    if (signal.aborted) kill()
    signal.addEventListener('abort', kill)
  })
  child.once('exit', kill)
  child.once('close', () => signal.removeEventListener('abort', kill))
  return child
}
