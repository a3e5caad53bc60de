import { findSeal } from '@tenon/runner'
import { testSandbox } from '../runtime/index.js'

/**
 * The self-test of the sandbox where the kernel refuses seccomp(2), as an older kernel or a container's filter does. For
 * tests, in a process of its own: there is no way back. Takes the number of the error, and writes what came of it.
 */
interface Koffi {
  load(path: null): { func(prototype: string): (...args: (number | bigint)[]) => number }
  address(bytes: Buffer): bigint
}

const seccompNumber = process.arch === 'arm64' ? 277 : 317
const prctl = { setSeccomp: 22, setNoNewPrivileges: 38, filter: 2 }

function refuseSeccomp(errno: number): void {
  const seal = findSeal()
  if ('reason' in seal) throw new Error(seal.reason)
  const holder = { exports: {} as Koffi }
  process.dlopen(holder, seal.koffiPath)
  const koffi = holder.exports
  const call = koffi.load(null).func('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)')
  // Loads the number of the call; refuses the one; allows the others.
  const instructions = [
    [0x20, 0, 0, 0],
    [0x15, 0, 1, seccompNumber],
    [0x06, 0, 0, 0x00050000 | errno],
    [0x06, 0, 0, 0x7fff0000],
  ] as const
  const filter = Buffer.alloc(8 * instructions.length)
  for (const [index, [operation, ifTrue, ifFalse, operand]] of instructions.entries()) {
    filter.writeUInt16LE(operation, 8 * index)
    filter.writeUInt8(ifTrue, 8 * index + 2)
    filter.writeUInt8(ifFalse, 8 * index + 3)
    filter.writeUInt32LE(operand, 8 * index + 4)
  }
  const program = Buffer.alloc(16)
  program.writeUInt16LE(instructions.length, 0)
  program.writeBigUInt64LE(koffi.address(filter), 8)
  const refused =
    call(prctl.setNoNewPrivileges, 1, 0, 0, 0) !== 0 ||
    call(prctl.setSeccomp, prctl.filter, koffi.address(program), 0, 0) !== 0
  if (refused) throw new Error('the kernel does not take the filter of the test')
}

refuseSeccomp(Number(process.argv[2]))
process.stdout.write(JSON.stringify(await testSandbox()))
