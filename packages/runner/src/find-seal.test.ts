import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findSeal } from './find-seal.js'

let folder: string
beforeAll(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), 'tenon-seal-')))))
afterAll(() => rmSync(folder, { recursive: true }))

/** A program's folder with these files below its packages. Answers the program's own file. */
function programWith(name: string, files: readonly string[]): string {
  for (const file of files) {
    const path = join(folder, name, 'node_modules', file)
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, file.endsWith('package.json') ? '{"main": "index.js"}' : '')
  }
  return join(folder, name, 'program.js')
}
const koffi = ['koffi/package.json', 'koffi/index.js']
const nativePackage = (arch: string) => [
  `@koromix/koffi-linux-${arch}/package.json`,
  `@koromix/koffi-linux-${arch}/index.js`,
]
const machine = { platform: 'linux', arch: 'x64', nodeVersion: '22.1.0' } as const

describe('a runner can be sealed', () => {
  it.each(['x64', 'arm64'])('on Linux with koffi and its native part: %s', (arch) => {
    const native = `@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`
    const from = programWith(arch, [...koffi, ...nativePackage(arch), native])
    const found = { koffiPath: join(folder, arch, 'node_modules', native) }
    for (const nodeVersion of ['20.19.0', '22.12.0', '24.0.0'])
      expect(findSeal({ ...machine, arch, nodeVersion, from })).toEqual(found)
  })

  it('here, where the tests run', () => {
    if (process.platform === 'linux') expect(findSeal()).toEqual({ koffiPath: expect.stringMatching(/koffi\.node$/) })
    else expect(findSeal()).toEqual({ reason: `${process.platform} has no seccomp` })
  })
})

describe('a runner cannot be sealed', () => {
  it.each([
    ['on another platform', { platform: 'darwin' }, 'darwin has no seccomp'],
    ['on another architecture', { arch: 'riscv64' }, 'there is no table of system calls for riscv64'],
    ['on an older version of Node', { nodeVersion: '18.20.1' }, 'there is no list of system calls for Node 18'],
    ['on a newer version of Node', { nodeVersion: '26.0.0' }, 'there is no list of system calls for Node 26'],
  ] as const)('%s, and it is said why', (_where, difference, reason) => {
    expect(findSeal({ ...machine, ...difference })).toEqual({ reason })
  })

  it.each<[string, string[], string]>([
    ['without koffi', [], 'the optional package koffi is not installed'],
    [
      'with koffi for another machine',
      [...koffi, ...nativePackage('arm64')],
      'koffi is installed without its part for linux x64',
    ],
    [
      'with koffi that was built halfway',
      [...koffi, ...nativePackage('x64')],
      'koffi is installed without its part for linux x64',
    ],
  ])('%s, and it is said why', (name, files, reason) => {
    expect(findSeal({ ...machine, from: programWith(name, files) })).toEqual({ reason })
  })
})
