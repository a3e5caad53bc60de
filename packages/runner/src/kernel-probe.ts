import { spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import { readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import v8 from 'node:v8'
import { allowedCalls } from './seal/allowed-calls.js'
import type { Libc } from './seal/libc.js'
import { readRunnerOptions } from './runner-options.js'
import { prepareSeal } from './seal/seal.js'
import { isKnownArchitecture, numberOf } from './seal/system-calls.js'

/**
 * An attacker who got past all JavaScript: seals itself exactly as a runner does, and then asks the kernel, in machine
 * words, for what a plugin must never get. Says on descriptor 3 what each attempt came to, as one line of JSON, and ends.
 * Nothing of a runner leads here.
 */
type Attempt = (libc: Libc) => number

const path = (text: string) => Buffer.from(`${text}\0`)
const here = -100
const parent = process.ppid
const killSignal = 9
/** Signal 0 asks whether one may. */
const noSignal = 0
const family = { unix: 1, internet: 2, internet6: 10, netlink: 16, packet: 17 }
const kind = { stream: 1, datagram: 2, raw: 3 }

function addressOfLoopback(port: number): Buffer {
  const address = Buffer.alloc(16)
  address.writeUInt16LE(family.internet, 0)
  address.writeUInt16BE(port, 2)
  address.set([127, 0, 0, 1], 4)
  return address
}

/** One word of this process, or room for it. */
function vectorTo(address: bigint, length: number): Buffer {
  const vector = Buffer.alloc(16)
  vector.writeBigUInt64LE(address, 0)
  vector.writeBigUInt64LE(BigInt(length), 8)
  return vector
}

function otherMemory(call: 'process_vm_readv' | 'process_vm_writev'): Attempt {
  return (libc) => {
    const mine = Buffer.alloc(8)
    const local = vectorTo(libc.addressOf(mine), 8)
    return libc.trySystem(call, parent, local, 1, vectorTo(0x400000n, 8), 1, 0)
  }
}

/** Each returns what the kernel returned: 0 or more is a success. */
const attempts: Record<string, Attempt> = {
  'open a file': (libc) => libc.trySystem('openat', here, path('/etc/hostname'), 0, 0),
  'open a file by the newer call': (libc) =>
    libc.trySystem('openat2', here, path('/etc/hostname'), Buffer.alloc(24), 24),
  'make a file': (libc) => libc.trySystem('openat', here, path('/tmp/tenon-kernel-probe'), 0o101, 0o600),
  "open the host's environment": (libc) => libc.trySystem('openat', here, path(`/proc/${parent}/environ`), 0, 0),
  "open the host's memory": (libc) => libc.trySystem('openat', here, path(`/proc/${parent}/mem`), 2, 0),
  'list descriptors': (libc) => libc.trySystem('openat', here, path('/proc/self/fd'), 0o200000, 0),
  'look at a file': (libc) => libc.trySystem('newfstatat', here, path('/etc/hostname'), Buffer.alloc(256), 0),
  'remove a file': (libc) => libc.trySystem('unlinkat', here, path('/tmp/tenon-no-such-file'), 0),
  'change directory': (libc) => libc.trySystem('chdir', path('/')),
  'ask for the directory': (libc) => libc.trySystem('getcwd', Buffer.alloc(256), 256),
  'open a TCP socket': (libc) => libc.trySystem('socket', family.internet, kind.stream, 0),
  'open a UDP socket': (libc) => libc.trySystem('socket', family.internet, kind.datagram, 0),
  'open a Unix socket': (libc) => libc.trySystem('socket', family.unix, kind.stream, 0),
  'open a raw socket': (libc) => libc.trySystem('socket', family.packet, kind.raw, 0),
  'open a netlink socket': (libc) => libc.trySystem('socket', family.netlink, kind.raw, 0),
  'make a pair of sockets': (libc) => libc.trySystem('socketpair', family.unix, kind.stream, 0, Buffer.alloc(8)),
  "connect the host's own pipe": (libc) => libc.trySystem('connect', 3, addressOfLoopback(9), 16),
  "bind the host's own pipe": (libc) => libc.trySystem('bind', 3, addressOfLoopback(0), 16),
  'send a descriptor to the host': (libc) => libc.trySystem('sendmsg', 3, Buffer.alloc(56), 0),
  'copy a descriptor': (libc) => libc.trySystem('dup', 3),
  'replace a descriptor': (libc) => libc.trySystem('dup3', 3, 100, 0),
  "make the host's pipe signal another process": (libc) => libc.trySystem('fcntl', 3, 8, parent),
  'run a program': (libc) => libc.trySystem('execve', path('/bin/true'), null, null),
  'run a program by the newer call': (libc) => libc.trySystem('execveat', here, path('/bin/true'), null, null, 0),
  fork: (libc) => childless(libc, libc.trySystem('clone', 17, null, null, null, null)),
  'start a thread': (libc) => libc.trySystem('clone', 0x10f00, null, null, null, null),
  'start a process by the newest call': (libc) => libc.trySystem('clone3', null, 0),
  'signal the host': (libc) => libc.trySystem('kill', parent, noSignal),
  'signal every process': (libc) => libc.trySystem('kill', -1, noSignal),
  "signal the host's first thread": (libc) => libc.trySystem('tgkill', parent, parent, noSignal),
  'take hold of the host': (libc) => libc.trySystem('pidfd_open', parent, 0),
  "take a descriptor of the host's": (libc) => libc.trySystem('pidfd_getfd', 3, 0, 0),
  'trace the host': (libc) => libc.trySystem('ptrace', 16, parent, 0, 0),
  "read the host's memory": otherMemory('process_vm_readv'),
  "write the host's memory": otherMemory('process_vm_writev'),
  'outlive the host': (libc) => libc.trySystem('prctl', 1, 0),
  'become root': (libc) => libc.trySystem('setuid', 0),
  'lift its own memory limit': (libc) => libc.trySystem('prlimit64', 0, 2, Buffer.alloc(16, 0xff), null),
  "lower the host's limits": (libc) => libc.trySystem('prlimit64', parent, 7, null, Buffer.alloc(16)),
  "change the host's priority": (libc) => libc.trySystem('setpriority', 0, parent, 19),
  'get a namespace of its own': (libc) => libc.trySystem('unshare', 0x10000000),
  'mount something': (libc) => libc.trySystem('mount', path('none'), path('/tmp'), path('tmpfs'), 0, null),
  'change the root directory': (libc) => libc.trySystem('chroot', path('/tmp')),
  'make a file in memory': (libc) => libc.trySystem('memfd_create', path('x'), 0),
  'load a program into the kernel': (libc) => libc.trySystem('bpf', 0, Buffer.alloc(128), 128),
  'handle page faults': (libc) => libc.trySystem('userfaultfd', 0),
  'open an io_uring': (libc) => libc.trySystem('io_uring_setup', 1, Buffer.alloc(120)),
  'enter any io_uring that is open': (libc) =>
    Math.max(
      ...Array.from({ length: 64 }, (_, descriptor) => libc.trySystem('io_uring_enter', descriptor, 0, 0, 0, null, 0)),
    ),
  'register with an io_uring': (libc) => libc.trySystem('io_uring_register', 4, 0, null, 0),
  'put a filter of its own over the filter': (libc) => libc.trySystem('seccomp', 1, 8, Buffer.alloc(16)),
  'make an event queue': (libc) => libc.trySystem('epoll_create1', 0),
}

/** The same with Node's own functions, as they are for who gets round what the runner puts in their place. */
const attemptsWithNode: Record<string, () => unknown> = {
  'read a file with Node': () => readFileSync('/etc/hostname'),
  'read a file on a thread of Node': () => readFile('/etc/hostname'),
  'write a file with Node': () => writeFileSync('/tmp/tenon-kernel-probe', ''),
  'run a program with Node': () => {
    const { error } = spawnSync('/bin/true')
    if (error) throw error
  },
  'connect with Node': () =>
    settled((done) => net.connect(9, '127.0.0.1').on('error', refusedLate(done)).on('connect', done)),
  'listen with Node': () =>
    settled((done) =>
      net
        .createServer()
        .on('error', done)
        .listen(0, '127.0.0.1', () => done()),
    ),
  'send a datagram with Node': () =>
    settled((done) => dgram.createSocket('udp4').on('error', done).send('x', 9, '127.0.0.1', done)),
  'ask a name server with Node': () => settled((done) => dns.resolve('localhost', done)),
  'signal the host with Node': () => process.kill(parent, noSignal),
  'load native code again': () =>
    process.dlopen({ exports: {} }, readRunnerOptions(process.argv[2]).seal?.koffiPath ?? ''),
  'become root with Node': () => {
    if (process.getuid?.() === 0) throw new Error('it is root already, and has nothing of it')
    process.setuid?.(0)
  },
  'change directory with Node': () => process.chdir('/'),
  "change the host's priority with Node": () => os.setPriority(parent, 19),
  'write a snapshot of its heap': () => v8.writeHeapSnapshot('/tmp/tenon-kernel-probe'),
}

const settled = (run: (done: (error?: Error | null) => void) => void) =>
  new Promise<void>((resolve, reject) => run((error) => (error ? reject(error) : resolve())))

/** Nobody listens on that port: to be told so is to have been there. */
const refusedLate = (done: (error?: Error | null) => void) => (error: NodeJS.ErrnoException) =>
  done(error.code === 'ECONNREFUSED' ? null : error)

async function triedWithNode(attempt: () => unknown): Promise<string | undefined> {
  const tooLong = new Promise((_, reject) => setTimeout(reject, 1_000))
  return Promise.race([Promise.resolve().then(attempt), tooLong]).then(
    () => 'Node let it happen',
    () => undefined,
  )
}

/** A copy of this process that should not be: it must not speak for its parent. */
function childless(libc: Libc, result: number): number {
  if (result === 0) libc.trySystem('exit_group', killSignal)
  return result
}

/** More than the newest kernel has. */
const numbersTried = 520
/** `__X32_SYSCALL_BIT`: the same calls by other numbers. */
const x32 = 0x40000000
const refusals = [-1, -38]
/** uretprobe and uprobe of x64, which no filter sees: the kernel ends whoever calls them from anywhere but a probe. */
const fatal = [335, 336]

/** Calls every number that is not allowed, with nothing for arguments. */
function sweep(libc: Libc, base: number): number[] {
  const { arch, pid, versions } = process
  if (!isKnownArchitecture(arch)) throw new Error(`no table for ${arch}`)
  const allowed = allowedCalls(Number(versions.node.split('.')[0]), pid)
  const known = new Set(base === 0 ? allowed.map(({ call }) => numberOf(arch, call)) : [])
  const numbers = Array.from({ length: numbersTried }, (_, number) => base + number)
  return numbers.filter(
    (number) => !known.has(number) && !fatal.includes(number) && !refusals.includes(libc.raw(number)),
  )
}

async function run(): Promise<{ attempt: string; result: string | undefined }[]> {
  const options = readRunnerOptions(process.argv[2])
  if (!options.seal) throw new Error('the probe needs what a runner is sealed with')
  const { libc, seal } = prepareSeal(options.seal)
  seal()
  const listed = Object.entries(attempts).map(([attempt, make]) => {
    const result = tried(make, libc)
    return { attempt, result: result < 0 ? undefined : `the kernel answered ${result}` }
  })
  const swept = Object.entries({ 'every other call': 0, 'every call by its x32 number': x32 }).map(
    ([attempt, base]) => {
      const answered = sweep(libc, base)
      return { attempt, result: answered.length === 0 ? undefined : `the kernel answered to ${answered.join(', ')}` }
    },
  )
  const withNode = await Promise.all(
    Object.entries(attemptsWithNode).map(async ([attempt, make]) => ({ attempt, result: await triedWithNode(make) })),
  )
  return [...listed, ...swept, ...withNode]
}

/** A call that this architecture does not have cannot succeed. */
function tried(attempt: Attempt, libc: Libc): number {
  try {
    return attempt(libc)
  } catch {
    return -1
  }
}

const answer = new net.Socket({ fd: 3, readable: false, writable: true })
void run().then((results) => answer.end(`${JSON.stringify(results)}\n`, () => process.reallyExit(0)))
