import { execFile } from 'node:child_process'
import { readFile, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'
import { program } from './native.js'
import { startTime } from './process-identity.js'

/** A fast shutdown rolls back and writes a checkpoint; on a slow disk with much to write that takes seconds. */
const FAST_SHUTDOWN_MS = 15_000
const IMMEDIATE_SHUTDOWN_MS = 5_000

/** INT is Postgres's fast shutdown, QUIT its immediate one (recovery at the next start). */
export type ShutdownSignal = 'INT' | 'QUIT'

/** What the server says about itself in `postmaster.pid`. */
export interface PostmasterFile {
  pid: number
  ready: boolean
}

export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(pidFile(clusterDir), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const lines = text.split('\n')
  return { pid: Math.abs(Number(lines[0])), ready: lines[7]?.trim() === 'ready' }
}

/** Whether that process runs, is no zombie, and really is the server of this cluster rather than a reused pid. */
export async function isPostmasterAlive(pid: number, clusterDir: string): Promise<boolean> {
  if ((await startTime(pid)) === undefined) return false
  if (process.platform === 'win32') return true
  return (await commandLine(pid)).includes(await realpath(clusterDir).catch(() => clusterDir))
}

/**
 * Frees a cluster from a server whose host has died. Only call it while holding the host's lock: then a living server
 * has no host. It is stopped rather than adopted, because its watchdog waits for the dead host, and its settings and
 * its socket may be those of an older release; stopping and starting takes a fraction of a second.
 * @returns the pid of the server that was stopped, if there was one
 * @throws EmbeddedPostgresError ORPHAN_WILL_NOT_STOP
 */
export async function clearOrphan(clusterDir: string, native: string): Promise<number | undefined> {
  const file = await readPostmasterFile(clusterDir)
  if (!file) return undefined
  const alive = await isPostmasterAlive(file.pid, clusterDir)
  if (alive && !(await endPostmaster(file.pid, clusterDir, native))) {
    throw new EmbeddedPostgresError(
      'ORPHAN_WILL_NOT_STOP',
      `A PostgreSQL server (pid ${file.pid}) was left behind in ${clusterDir} by a process that has died, and it does not stop. End that process, then start again.`,
    )
  }
  // Postgres itself takes a zombie or a reused pid for a living server and would refuse to start.
  await rm(pidFile(clusterDir), { force: true })
  return alive ? file.pid : undefined
}

/** Stops the server: fast, then immediately. False when it is still there afterwards. */
export async function endPostmaster(pid: number, clusterDir: string, native: string): Promise<boolean> {
  // The pid of a server that has ended may be somebody else's by now.
  if (!(await isPostmasterAlive(pid, clusterDir))) return true
  await signalPostmaster(pid, 'INT', native)
  if (await isGoneWithin(FAST_SHUTDOWN_MS, pid, clusterDir)) return true
  await signalPostmaster(pid, 'QUIT', native)
  return isGoneWithin(IMMEDIATE_SHUTDOWN_MS, pid, clusterDir)
}

export async function isGoneWithin(waitMs: number, pid: number, clusterDir: string): Promise<boolean> {
  const deadline = Date.now() + waitMs
  while (await isPostmasterAlive(pid, clusterDir)) {
    if (Date.now() > deadline) return false
    await sleep(20)
  }
  return true
}

async function signalPostmaster(pid: number, signal: ShutdownSignal, native: string): Promise<void> {
  if (process.platform === 'win32') {
    // Windows has no signals: pg_ctl speaks to the server's own signal pipe.
    await promisify(execFile)(program(native, 'pg_ctl'), ['kill', signal, String(pid)])
    return
  }
  try {
    process.kill(pid, `SIG${signal}`)
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error
  }
}

function pidFile(clusterDir: string): string {
  return path.join(clusterDir, 'postmaster.pid')
}

/**
 * Every server of ours is started with `-D <cluster>`. The command line is readable without the right to trace the
 * process, which root lacks in a container; its working directory is not.
 */
async function commandLine(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') return await readFile(`/proc/${pid}/cmdline`, 'utf8')
    return (await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)])).stdout
  } catch {
    return ''
  }
}
