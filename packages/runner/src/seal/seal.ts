import { randomFill } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { allowedCalls } from './allowed-calls.js'
import { compileFilter } from './filter.js'
import { closeIoRings } from './io-rings.js'
import { type Libc, loadLibc } from './libc.js'
import { isKnownArchitecture } from './system-calls.js'

/** What the kernel is asked to hold this process to. Told by the host on the command line. */
export interface SealOptions {
  /** Absolute path of koffi's native file. */
  koffiPath: string
  /** An unprivileged user of its own; left out when the host is not root. */
  uid?: number
  /** Private writable memory on top of what a blank runner has, in bytes. */
  maxDataBytes: number
}

/** Constants of sys/prctl.h, sys/resource.h and linux/seccomp.h. */
const prctl = { setParentDeathSignal: 1, setDumpable: 4, setNoNewPrivileges: 38 }
const resource = { fileSize: 1, data: 2, core: 4 }
const seccomp = { setModeFilter: 1, forAllThreads: 1 }
const killSignal = 9
/** `O_CLOEXEC` as /proc shows it. */
const closeOnExec = 0o2000000

/**
 * Loads what sealing takes.
 *
 * @returns A function that gives up, for good and in every thread, everything of the kernel but what running JavaScript
 * takes. To be called when everything is loaded and before any line of a plugin. It throws when something could not be
 * given up: the process must not go on then.
 * @throws Error for an architecture or a version of Node that there is no list for.
 */
export function prepareSeal(options: SealOptions): { libc: Libc; seal: () => void } {
  const { arch, pid, versions } = process
  if (!isKnownArchitecture(arch)) throw new Error(`there is no table of system calls for ${arch}`)
  const filter = compileFilter(arch, allowedCalls(Number(versions.node.split('.')[0]), pid))
  const libc = loadLibc(options.koffiPath, arch)
  return { libc, seal: () => giveUp(libc, filter, options) }
}

function giveUp(libc: Libc, filter: Buffer, options: SealOptions): void {
  loadWhatNeedsFiles()
  startThreadPool()
  closeIoRings(libc)
  closeInherited(libc)
  limit(libc, resource.core, 0)
  limit(libc, resource.fileSize, 0)
  limit(libc, resource.data, dataBytes() + options.maxDataBytes)
  if (options.uid !== undefined) libc.become(options.uid)
  // After the change of user, which forgets it.
  libc.system('prctl', prctl.setParentDeathSignal, killSignal)
  libc.system('prctl', prctl.setDumpable, 0)
  libc.system('prctl', prctl.setNoNewPrivileges, 1)
  install(libc, filter)
}

/** The time zone: read once from the system, then remembered. */
function loadWhatNeedsFiles(): void {
  new Date(0).toString()
}

/** libuv starts all four threads at the first request; later no thread can be made. */
function startThreadPool(): void {
  randomFill(new Uint8Array(1), () => undefined)
}

/** Node marks its own descriptors to be closed at exec; what is not marked came with us from whoever started the host. */
function closeInherited(libc: Libc): void {
  const ours = 4
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name)
    if (descriptor > ours && (flagsOf(descriptor) & closeOnExec) === 0) libc.trySystem('close', descriptor)
  }
}

function flagsOf(descriptor: number): number {
  try {
    const text = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')
    return parseInt(/^flags:\s+([0-7]+)/m.exec(text)?.[1] ?? '0', 8)
  } catch {
    // The one that read the list of descriptors: already closed.
    return closeOnExec
  }
}

/** Node 24 counts half a gigabyte that it has only reserved, so that a limit without regard to it would mean nothing. */
function dataBytes(): number {
  const kilobytes = /^VmData:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  if (kilobytes === undefined) throw new Error('the kernel does not say how much memory this process has')
  return Number(kilobytes) * 1024
}

function limit(libc: Libc, which: number, value: number): void {
  const limits = Buffer.alloc(16)
  limits.writeBigUInt64LE(BigInt(value), 0)
  limits.writeBigUInt64LE(BigInt(value), 8)
  libc.system('prlimit64', 0, which, limits, null)
}

function install(libc: Libc, filter: Buffer): void {
  // struct sock_fprog: the number of instructions, and a pointer to them.
  const program = Buffer.alloc(16)
  program.writeUInt16LE(filter.length / 8, 0)
  program.writeBigUInt64LE(libc.addressOf(filter), 8)
  const straggler = libc.system('seccomp', seccomp.setModeFilter, seccomp.forAllThreads, program)
  if (straggler !== 0) throw new Error(`thread ${straggler} could not be put under the filter`)
}
