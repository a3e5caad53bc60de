import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { findSeal } from '@tenon/runner'
import type { RuntimeLimits } from './limits.js'
import type { Confinement, Tier } from './launch.js'
import { findBubblewrap } from './namespaces.js'

/** A stronger tier that was not taken, and why not. */
export interface TierNotTaken {
  tier: Tier
  reason: string
}

/** What plugins run under here. */
export interface TierChoice {
  confinement: Confinement
  notTaken: TierNotTaken[]
}

export const tierNumber = (tier: Tier) => Number(tier.slice(1))

/**
 * The strongest tier that holds here: each is tried, from the strongest, by attacking a blank runner under it.
 *
 * @param attack Says what an attacker could do under this confinement; nothing, if it holds.
 */
export function chooseTier(options: ChooseTierOptions): Promise<TierChoice> {
  // It is a fact of this machine and this program: found out once, also by a program with many hosts.
  const key = `${options.maxTier} ${options.limits.maxDataBytes}`
  const choice = choices.get(key) ?? choose(options)
  choices.set(key, choice)
  return choice
}

const choices = new Map<string, Promise<TierChoice>>()

interface ChooseTierOptions {
  maxTier: Tier
  limits: Pick<RuntimeLimits, 'maxDataBytes'>
  attack: (confinement: Confinement) => Promise<string[]>
}

async function choose(options: ChooseTierOptions): Promise<TierChoice> {
  const notTaken: TierNotTaken[] = []
  for (const tier of ['T3', 'T2'] as const) {
    const tried = await attempt(tier, options)
    if ('confinement' in tried) return { confinement: tried.confinement, notTaken }
    notTaken.push({ tier, reason: tried.reason })
  }
  return { confinement: { tier: 'T1' }, notTaken }
}

async function attempt(
  tier: 'T2' | 'T3',
  { maxTier, limits, attack }: ChooseTierOptions,
): Promise<{ confinement: Confinement } | { reason: string }> {
  if (tierNumber(maxTier) < tierNumber(tier)) return { reason: `the operator allows ${maxTier} at most` }
  const found = findConfinement(tier, limits)
  if ('reason' in found) return found
  const breaches = await attack(found).catch((error: Error) => [error.message])
  return breaches.length === 0 ? { confinement: found } : { reason: `it does not hold here: ${breaches.join(', ')}` }
}

function findConfinement(
  tier: 'T2' | 'T3',
  { maxDataBytes }: ChooseTierOptions['limits'],
): Confinement | { reason: string } {
  const seal = findSeal()
  if ('reason' in seal) return seal
  const library = cLibraryOf(process.execPath)
  if (library !== 'glibc') return { reason: `Node runs on ${library} here, and the list of system calls is for glibc` }
  if (tier === 'T2') return { tier, koffiPath: seal.koffiPath, maxDataBytes }
  const bubblewrap = findBubblewrap()
  if (!bubblewrap) return { reason: 'bubblewrap (bwrap) is not installed' }
  return { tier, koffiPath: seal.koffiPath, maxDataBytes, bubblewrap }
}

/** The C library that a program is linked to, as the program's own header names its loader. */
export function cLibraryOf(program: string): 'glibc' | 'musl' | 'another C library' {
  const header = firstBytes(program, 64 * 1024).toString('latin1')
  if (/\/ld-linux[^/\0]*\.so/.test(header)) return 'glibc'
  return /\/ld-musl[^/\0]*\.so/.test(header) ? 'musl' : 'another C library'
}

function firstBytes(path: string, count: number): Buffer {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(count)
    return bytes.subarray(0, readSync(file, bytes, 0, count, 0))
  } finally {
    closeSync(file)
  }
}

/** The kernel's own word that a process is sealed; what is wrong, or undefined. */
export function flawOfSeal(pid: number, { tier }: Confinement): string | undefined {
  if (tier === 'T1') return undefined
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return /^NoNewPrivs:\s+1$/m.test(status) && /^Seccomp:\s+2$/m.test(status)
      ? undefined
      : 'the kernel does not hold it to its filter'
  } catch {
    return 'the kernel does not say whether it is sealed'
  }
}
