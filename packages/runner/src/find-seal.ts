import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { tracedNodeMajors } from './seal/allowed-calls.js'
import { isKnownArchitecture } from './seal/system-calls.js'

/** What sealing depends on, of the machine and of what is installed. */
export interface SealSurroundings {
  /** As in `process`. */
  platform: string
  arch: string
  nodeVersion: string
  /** The file, or its URL, from which koffi is looked for. */
  from: string
}

/** Whether a runner can be sealed by the kernel here: with koffi's native file, or why not. */
export function findSeal(surroundings: Partial<SealSurroundings> = {}): { koffiPath: string } | { reason: string } {
  const {
    platform = process.platform,
    arch = process.arch,
    nodeVersion = process.versions.node,
    from = import.meta.url,
  } = surroundings
  if (platform !== 'linux') return { reason: `${platform} has no seccomp` }
  if (!isKnownArchitecture(arch)) return { reason: `there is no table of system calls for ${arch}` }
  const major = Number(nodeVersion.split('.')[0])
  if (!tracedNodeMajors.includes(major)) return { reason: `there is no list of system calls for Node ${major}` }
  const koffi = resolve('koffi', from)
  if (koffi === undefined) return { reason: 'the optional package koffi is not installed' }
  // The native file belongs to a package that only koffi itself needs, so it is looked for from there.
  const native = resolve(`@koromix/koffi-linux-${arch}`, koffi)
  const koffiPath = native && join(dirname(native), `linux_${arch}`, 'koffi.node')
  if (!koffiPath || !existsSync(koffiPath)) return { reason: `koffi is installed without its part for linux ${arch}` }
  return { koffiPath }
}

function resolve(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch {
    return undefined
  }
}
