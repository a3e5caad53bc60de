import { randomBytes } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { type Architecture, numberOf, type SystemCallName } from './system-calls.js'

/** Buffers are handed over as their address. */
type Argument = number | bigint | Buffer | null
type NativeFunction = (...args: Argument[]) => number | bigint

/** The few parts of koffi that are used, as its native file exports them. */
interface Koffi {
  load(path: null): { func(prototype: string): NativeFunction }
  view(address: bigint, length: number): ArrayBuffer
  address(bytes: Buffer): bigint
  errno(): number
}

/** The C library of this process. */
export interface Libc {
  /** Asks the kernel. @throws Error with the number of the error when the kernel refuses. */
  system(call: SystemCallName, ...args: Argument[]): number
  /** The result, or the negative number of the error; by number, also of calls that have no name here. */
  raw(number: number, ...args: Argument[]): number
  /** The result, or the negative number of the error. */
  trySystem(call: SystemCallName, ...args: Argument[]): number
  /** Of the C library itself, which tells every thread. @throws Error when it is refused. */
  become(uid: number): void
  addressOf(bytes: Buffer): bigint
  /** The memory of this process, itself and not a copy. */
  memoryAt(address: bigint, length: number): Buffer
}

/**
 * Loads koffi's one native file past Node's loader, so that no module cache and no name leads to it afterwards.
 *
 * @param koffiPath Absolute path of `koffi.node`.
 */
export function loadLibc(koffiPath: string, architecture: Architecture): Libc {
  const holder = { exports: {} as Koffi }
  process.dlopen(holder, secretSpelling(koffiPath))
  const koffi = holder.exports
  const library = koffi.load(null)
  const word = Array.from({ length: 6 }, (_, index) => `uint64_t a${index}`).join(', ')
  const systemCall = library.func(`int64_t syscall(int64_t number, ${word})`)
  const asWord = (argument: Argument) =>
    Buffer.isBuffer(argument) ? koffi.address(argument) : argument === null ? 0 : argument

  const raw: Libc['raw'] = (number, ...args) => {
    const words = [0, 1, 2, 3, 4, 5].map((index) => asWord(args[index] ?? 0))
    const result = Number(systemCall(number, ...words))
    return result === -1 ? -koffi.errno() : result
  }
  const trySystem: Libc['trySystem'] = (call, ...args) => {
    const number = numberOf(architecture, call)
    if (number === undefined) throw new Error(`${architecture} has no system call ${call}`)
    return raw(number, ...args)
  }
  const system: Libc['system'] = (call, ...args) => {
    const result = trySystem(call, ...args)
    if (result < 0) throw new Error(`${call} was refused (errno ${-result})`)
    return result
  }
  const setGroups = library.func('int setgroups(size_t count, void *groups)')
  const setGids = library.func('int setresgid(uint32_t real, uint32_t effective, uint32_t saved)')
  const setUids = library.func('int setresuid(uint32_t real, uint32_t effective, uint32_t saved)')

  return {
    system,
    raw,
    trySystem,
    become(uid) {
      const refused = setGroups(0, null) !== 0 || setGids(uid, uid, uid) !== 0 || setUids(uid, uid, uid) !== 0
      if (refused) throw new Error(`the user could not be changed to ${uid} (errno ${koffi.errno()})`)
    },
    addressOf: (bytes) => koffi.address(bytes),
    memoryAt: (address, length) => Buffer.from(koffi.view(address, length)),
  }
}

/**
 * The same file by a path that nobody guesses. The C library hands out again, without opening anything, what it has
 * already loaded by the same name: whoever got hold of Node's own dlopen would get koffi back.
 */
function secretSpelling(file: string): string {
  const detours = Array.from(randomBytes(64), (byte) => (byte < 128 ? './' : '/'))
  return `${dirname(file)}/${detours.join('')}${basename(file)}`
}
