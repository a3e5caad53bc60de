import { describe, expect, it } from 'vitest'
import { allowedCalls, tracedNodeMajors } from './allowed-calls.js'
import { compileFilter } from './filter.js'
import { type Architecture, numberOf, systemCallNumbers, type SystemCallName } from './system-calls.js'

const audit: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }
const allow = 0x7fff0000
const permissionDenied = 0x50001
const notImplemented = 0x50026
const ownPid = 4711

interface CallMade {
  number: number
  arch?: number
  args?: bigint[]
}

/** Runs a classic BPF program as the kernel does: the three operations that the filter is made of. */
function judge(program: Buffer, { number, arch = audit.x64, args = [] }: CallMade): number {
  const data = Buffer.alloc(64)
  data.writeUInt32LE(number, 0)
  data.writeUInt32LE(arch, 4)
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(value, 16 + 8 * index)
  let word = 0
  for (let at = 0; at < program.length; at += 8) {
    const operation = program.readUInt16LE(at)
    const operand = program.readUInt32LE(at + 4)
    if (operation === 0x06) return operand
    if (operation === 0x20) word = data.readUInt32LE(operand)
    else if (operation === 0x15) at += 8 * program.readUInt8(at + (word === operand ? 2 : 3))
    else throw new Error(`unknown operation ${operation}`)
  }
  throw new Error('the program has no end')
}

const filterFor = (architecture: Architecture) => compileFilter(architecture, allowedCalls(20, ownPid))
const call = (architecture: Architecture, name: SystemCallName, ...args: bigint[]): CallMade => ({
  number: numberOf(architecture, name) ?? -1,
  arch: audit[architecture],
  args,
})

describe.each(['x64', 'arm64'] as const)('the filter for %s', (architecture) => {
  const program = filterFor(architecture)

  it.each(['read', 'futex', 'mprotect', 'epoll_pwait', 'exit_group'] as const)('lets %s through', (name) => {
    expect(judge(program, call(architecture, name))).toBe(allow)
  })

  it('refuses every call that is not listed, also numbers that no kernel has yet', () => {
    const listed = new Set(allowedCalls(20, ownPid).map((entry) => numberOf(architecture, entry.call)))
    const clone3 = numberOf(architecture, 'clone3')
    for (let number = 0; number < 2_000; number++) {
      if (listed.has(number) || number === clone3) continue
      expect(judge(program, { number, arch: audit[architecture] })).toBe(permissionDenied)
    }
  })

  it.each([
    ...(['openat', 'openat2', 'socket', 'connect', 'sendmsg', 'execve', 'clone', 'kill', 'ptrace', 'prctl'] as const),
    ...(['io_uring_setup', 'io_uring_enter', 'dup', 'memfd_create', 'prlimit64', 'setuid', 'seccomp'] as const),
  ])('refuses %s', (name) => {
    expect(judge(program, call(architecture, name))).toBe(permissionDenied)
  })

  it('says that clone3 does not exist', () => {
    expect(judge(program, call(architecture, 'clone3'))).toBe(notImplemented)
  })

  it('lets a process signal itself and nobody else, whatever is in the upper half of the number', () => {
    expect(judge(program, call(architecture, 'tgkill', BigInt(ownPid)))).toBe(allow)
    expect(judge(program, call(architecture, 'tgkill', BigInt(ownPid + 1)))).toBe(permissionDenied)
    expect(judge(program, call(architecture, 'tgkill', BigInt(ownPid) + (1n << 32n)))).toBe(permissionDenied)
  })

  it('lets descriptors be looked at and not be copied or made to signal', () => {
    const [getFlags, copy, setOwner] = [3n, 0n, 8n]
    expect(judge(program, call(architecture, 'fcntl', 1n, getFlags))).toBe(allow)
    expect(judge(program, call(architecture, 'fcntl', 1n, copy))).toBe(permissionDenied)
    expect(judge(program, call(architecture, 'fcntl', 1n, setOwner))).toBe(permissionDenied)
  })

  /** With the arguments that it is let through with. */
  const allowedHere = allowedCalls(20, ownPid).flatMap(({ call: name, argument }): CallMade[] => {
    if (numberOf(architecture, name) === undefined) return []
    const args = argument ? [...Array<bigint>(argument.index).fill(0n), BigInt(argument.oneOf[0] ?? 0)] : []
    return [call(architecture, name, ...args)]
  })

  it('lets every call through that is listed', () => {
    expect(allowedHere.length).toBeGreaterThan(40)
    expect(allowedHere.map((made) => judge(program, made))).toEqual(allowedHere.map(() => allow))
  })

  it.each([
    ['x64', 0xc000003e],
    ['arm64', 0xc00000b7],
    ['i386', 0x40000003],
    ['arm', 0x40000028],
    ['riscv64', 0xc00000f3],
    ['none', 0],
  ] as const)('lets no number through in the language of another architecture: %s', (language, arch) => {
    if (language === architecture) return expect(audit[architecture]).toBe(arch)
    for (let number = 0; number < 600; number++) expect(judge(program, { number, arch })).toBe(permissionDenied)
    for (const made of allowedHere) expect(judge(program, { ...made, arch })).toBe(permissionDenied)
  })

  it('refuses every call that it lets through when its number has the bit of x32', () => {
    for (const made of allowedHere)
      expect(judge(program, { ...made, number: made.number + 0x40000000 })).toBe(permissionDenied)
  })
})

it('has a list for the versions of Node that the project runs on, and refuses to guess for others', () => {
  expect(tracedNodeMajors).toEqual([20, 22, 24])
  expect(() => allowedCalls(18, ownPid)).toThrow('nobody has traced what Node 18 asks the kernel for')
})

it('gives no two calls of an architecture the same number', () => {
  for (const numbers of Object.values(systemCallNumbers)) {
    expect(new Set(Object.values(numbers)).size).toBe(Object.keys(numbers).length)
  }
})
