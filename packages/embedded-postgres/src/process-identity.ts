import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { errorCode } from './error-code.js'

/** A process id alone is reused by the kernel; together with the start time it names one process for good. */
export interface ProcessIdentity {
  pid: number
  startedAt: string
  /** Which boot and which process table `pid` belongs to: a container on the same volume has another one. */
  processTable: string
}

export async function thisProcess(): Promise<ProcessIdentity> {
  const [startedAt, processTable] = await Promise.all([startTime(process.pid), currentProcessTable()])
  return { pid: process.pid, startedAt: startedAt ?? '', processTable }
}

/** Whether exactly that process still runs. Only meaningful when `processTable` is the current one. */
export async function isSameProcessAlive(identity: ProcessIdentity): Promise<boolean> {
  const startedAt = await startTime(identity.pid)
  if (startedAt === undefined) return false
  return startedAt === '' || identity.startedAt === '' || startedAt === identity.startedAt
}

/** Start time of a running process; '' when it runs but tells nothing; undefined when it is gone or a zombie. */
export async function startTime(pid: number): Promise<string | undefined> {
  if (!hasPid(pid)) return undefined
  if (process.platform === 'linux') return linuxStartTime(pid)
  if (process.platform === 'win32') return ''
  return psStartTime(pid)
}

export async function currentProcessTable(): Promise<string> {
  if (process.platform !== 'linux') return ''
  const [boot, namespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ])
  return `${boot.trim()} ${namespace}`
}

function hasPid(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  let stat: string
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  } catch {
    // /proc mounted with hidepid hides the processes of others: signal 0 has seen it, so it is alive.
    return hasPid(pid) ? '' : undefined
  }
  // The command name may contain spaces and brackets, so the fields are counted from its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : (fields[19] ?? '')
}

async function psStartTime(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
    const line = stdout.trim()
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '')
  } catch {
    return hasPid(pid) ? '' : undefined
  }
}
