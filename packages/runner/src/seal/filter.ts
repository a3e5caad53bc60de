import type { AllowedCall } from './allowed-calls.js'
import { type Architecture, numberOf } from './system-calls.js'

/** Classic BPF, as seccomp(2) takes it: 8 bytes per instruction. */
const operations = { load: 0x20, jumpIfEqual: 0x15, return: 0x06 } as const
const verdicts = { allow: 0x7fff0000, permissionDenied: 0x00050000 | 1, notImplemented: 0x00050000 | 38 } as const

/** `AUDIT_ARCH_*` of linux/audit.h: numbers mean other calls when a program speaks another architecture's language. */
const auditArchitectures: Record<Architecture, number> = { x64: 0xc000003e, arm64: 0xc00000b7 }

/** Offsets in struct seccomp_data. */
const offsets = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index }

type Instruction = readonly [operation: number, ifTrue: number, ifFalse: number, operand: number]

/** The program that lets through what is listed, and refuses everything else. */
export function compileFilter(architecture: Architecture, allowed: readonly AllowedCall[]): Buffer {
  const clone3 = numberOf(architecture, 'clone3')
  return encode([
    [operations.load, 0, 0, offsets.architecture],
    [operations.jumpIfEqual, 1, 0, auditArchitectures[architecture]],
    [operations.return, 0, 0, verdicts.permissionDenied],
    [operations.load, 0, 0, offsets.number],
    ...allowed.flatMap((entry) => ruleFor(architecture, entry)),
    // The C library then asks for the older call, whose refusal it understands.
    [operations.jumpIfEqual, 0, 1, clone3 ?? 0],
    [operations.return, 0, 0, verdicts.notImplemented],
    [operations.return, 0, 0, verdicts.permissionDenied],
  ])
}

/** Begins and ends with the number of the call loaded. A call that this architecture does not have needs no rule. */
function ruleFor(architecture: Architecture, { call, argument }: AllowedCall): Instruction[] {
  const number = numberOf(architecture, call)
  if (number === undefined) return []
  const body: Instruction[] = argument
    ? argumentCheck(argument.index, argument.oneOf)
    : [[operations.return, 0, 0, verdicts.allow]]
  return [[operations.jumpIfEqual, 0, body.length, number], ...body]
}

function argumentCheck(index: number, oneOf: readonly number[]): Instruction[] {
  const matches = oneOf.flatMap((value): Instruction[] => [
    [operations.jumpIfEqual, 0, 1, value],
    [operations.return, 0, 0, verdicts.allow],
  ])
  return [
    // The upper half first: little-endian on both architectures.
    [operations.load, 0, 0, offsets.argument(index) + 4],
    [operations.jumpIfEqual, 1, 0, 0],
    [operations.return, 0, 0, verdicts.permissionDenied],
    [operations.load, 0, 0, offsets.argument(index)],
    ...matches,
    [operations.return, 0, 0, verdicts.permissionDenied],
  ]
}

function encode(instructions: readonly Instruction[]): Buffer {
  const program = Buffer.alloc(instructions.length * 8)
  for (const [index, [operation, ifTrue, ifFalse, operand]] of instructions.entries()) {
    program.writeUInt16LE(operation, index * 8)
    program.writeUInt8(ifTrue, index * 8 + 2)
    program.writeUInt8(ifFalse, index * 8 + 3)
    program.writeUInt32LE(operand >>> 0, index * 8 + 4)
  }
  return program
}
