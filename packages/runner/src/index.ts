import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tracedNodeMajors } from './seal/allowed-calls.js'
import { isKnownArchitecture } from './seal/system-calls.js'

export type { LaunchReport, LaunchRequest } from './launch-messages.js'
export type { RunnerOptions } from './runner-options.js'
export type { SealOptions } from './seal/seal.js'
export { type Launch, pipeOf, spawnWithPipes } from './spawn-with-pipes.js'

/** Absolute path of the one CommonJS file that a plugin process runs. Made by `bundle.mjs`. */
export const runnerPath: string = fileURLToPath(new URL('../dist/runner.cjs', import.meta.url))

/** Absolute path of the program that starts runners for a host; it speaks over Node's channel between processes. */
export const launcherPath: string = fileURLToPath(new URL('../dist/launcher.cjs', import.meta.url))

/** Absolute path of the program that attacks the kernel from inside a seal. Takes what a runner takes. */
export const kernelProbePath: string = fileURLToPath(new URL('../dist/kernel-probe.cjs', import.meta.url))

/** Whether a runner can be sealed by the kernel here: with koffi's native file, or why not. */
export function findSeal(): { koffiPath: string } | { reason: string } {
  const { platform, arch, versions } = process
  if (platform !== 'linux') return { reason: `${platform} has no seccomp` }
  if (!isKnownArchitecture(arch)) return { reason: `there is no table of system calls for ${arch}` }
  const major = Number(versions.node.split('.')[0])
  if (!tracedNodeMajors.includes(major)) return { reason: `there is no list of system calls for Node ${major}` }
  try {
    // The native file belongs to a package that only koffi itself needs, so it is looked for from there.
    const fromKoffi = createRequire(createRequire(import.meta.url).resolve('koffi'))
    const folder = dirname(fromKoffi.resolve(`@koromix/koffi-linux-${arch}`))
    return { koffiPath: join(folder, `linux_${arch}`, 'koffi.node') }
  } catch {
    return { reason: 'the optional package koffi is not installed' }
  }
}
