import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Architecture, systemCallNumbers } from './system-calls.js'

/** The kernel's own headers; Debian's package linux-libc-dev has both, whatever it runs on. arm64 has the generic one. */
const headers = { x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h', arm64: '/usr/include/asm-generic/unistd.h' }
const haveHeaders = Object.values(headers).every((file) => existsSync(file))

/** Name, number on x64, number on arm64; `-` for a call that an architecture does not have. */
const fixture = fileURLToPath(new URL('fixtures/system-calls.txt', import.meta.url))

const names = [...new Set(Object.values(systemCallNumbers).flatMap((numbers) => Object.keys(numbers)))].sort()
const textOf = (numberOf: (architecture: Architecture, name: string) => number | undefined) =>
  names.map((name) => `${name} ${numberOf('x64', name) ?? '-'} ${numberOf('arm64', name) ?? '-'}\n`).join('')

/** What a header says is the number of a call: itself, or by the name of another definition. */
function readHeader(file: string): (name: string) => number | undefined {
  const defined = new Map(
    [...readFileSync(file, 'latin1').matchAll(/^#define\s+(__NR\w+)\s+(\w+)/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  )
  const numberOf = (value: string | undefined): number | undefined =>
    value === undefined ? undefined : /^\d+$/.test(value) ? Number(value) : numberOf(defined.get(value))
  return (name) => numberOf(`__NR_${name}`)
}

describe('the numbers of system calls', () => {
  const tables: Record<Architecture, Readonly<Record<string, number>>> = systemCallNumbers

  it('are those that were read from the headers of the kernel', () => {
    expect(textOf((architecture, name) => tables[architecture][name])).toBe(readFileSync(fixture, 'utf8'))
  })

  const compared = haveHeaders ? 'here' : 'elsewhere only: NOT COMPARED HERE, linux-libc-dev is not installed'
  /** Renewed, when a call is added to the table, by: npx vitest run packages/runner/src/seal/system-calls.test.ts -u */
  it.skipIf(!haveHeaders)(`are in the headers of the kernel as they were read, ${compared}`, async () => {
    const numberIn = { x64: readHeader(headers.x64), arm64: readHeader(headers.arm64) }
    await expect(textOf((architecture, name) => numberIn[architecture](name))).toMatchFileSnapshot(fixture)
  })
})
