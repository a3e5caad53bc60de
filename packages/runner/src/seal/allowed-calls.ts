import type { SystemCallName } from './system-calls.js'

/** One system call that stays; with `argument`, only when that argument is one of these values. */
export interface AllowedCall {
  call: SystemCallName
  /** Counted from 0. All 64 bits are compared. */
  argument?: { index: number; oneOf: readonly number[] }
}

/**
 * All that a runner needs of the kernel once it has started, found by tracing runners at work: exceljs, compression,
 * the thread pool's cryptography, TLS, WebAssembly, just-in-time compilation, garbage collection, timers, the end.
 * Everything else fails with EPERM, also what a later kernel invents. In the order of how often it is used.
 *
 * Nothing here makes a descriptor, a thread, a process or a name. Memory may become executable: V8 compiles.
 */
const always: readonly AllowedCall[] = [
  ...plain('futex', 'epoll_wait', 'epoll_pwait', 'read', 'write', 'madvise', 'mprotect', 'mmap', 'munmap', 'writev'),
  ...plain('clock_gettime', 'getpid', 'gettid', 'readv', 'epoll_ctl', 'mremap', 'brk', 'getrandom', 'sched_yield'),
  ...plain('rt_sigprocmask', 'rt_sigaction', 'rt_sigreturn', 'sigaltstack', 'restart_syscall'),
  ...plain('nanosleep', 'clock_nanosleep', 'clock_getres', 'gettimeofday', 'getrusage', 'sched_getaffinity'),
  // koffi's native part flushes the standard output when the process ends, and does not bear a refusal.
  { call: 'fsync', argument: { index: 0, oneOf: [1, 2] } },
  // F_GETFL and F_SETFL: Node puts its standard streams back as they were, and ends by abort() when it may not.
  { call: 'fcntl', argument: { index: 1, oneOf: [3, 4] } },
  ...plain('close', 'fstat', 'shutdown', 'exit', 'exit_group', 'set_robust_list', 'rseq', 'membarrier'),
  // Where the processor has protection keys, V8 guards its code with them.
  ...plain('pkey_mprotect'),
]

/** What a version needs on top. The same list was found to do for all three. */
const byNodeMajor: Readonly<Record<number, readonly AllowedCall[]>> = { 20: [], 22: [], 24: [] }

/** Versions of Node for which the list was found by tracing. */
export const tracedNodeMajors: readonly number[] = Object.keys(byNodeMajor).map(Number)

/**
 * What a runner may ask the kernel for.
 *
 * @param pid Its own: it may signal itself, which is how a program aborts.
 * @throws Error for a version of Node that was not traced.
 */
export function allowedCalls(nodeMajor: number, pid: number): readonly AllowedCall[] {
  const more = byNodeMajor[nodeMajor]
  if (!more) throw new Error(`nobody has traced what Node ${nodeMajor} asks the kernel for`)
  return [...always, ...more, { call: 'tgkill', argument: { index: 0, oneOf: [pid] } }]
}

function plain(...calls: SystemCallName[]): AllowedCall[] {
  return calls.map((call) => ({ call }))
}
